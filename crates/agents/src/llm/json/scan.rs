//! Reads over one JSON value without building it. A value is whole or not there.
//! It must never look further than the value goes.

/// Values nest this deep at most, which is what the parser after this one takes.
const MAX_DEPTH: usize = 127;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    Ended,
    Malformed,
    /// Nested deeper than any parser goes.
    TooDeep,
}

pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, depth: 0 }
    }

    /// Whether what began at a place was more than a bracket in prose: a key with its colon, or a first item with its comma. An
    /// interval, `[0, 1)`, is none.
    pub(super) fn has_begun(bytes: &[u8], from: usize) -> bool {
        let mut scan = Scan { bytes, at: from + 1, depth: 1 };
        scan.space();
        if bytes[from] == b'{' {
            return scan.string().is_ok() && scan.after_space(b':').is_ok();
        }
        let has_begun = scan.value().is_ok() && scan.after_space(b',').is_ok();
        scan.space();
        let is_interval = has_begun && scan.number().is_ok() && scan.after_space(b')').is_ok();
        has_begun && !is_interval
    }

    fn peek(&self) -> Result<u8, Wrong> {
        self.bytes.get(self.at).copied().ok_or(Wrong::Ended)
    }

    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.peek()? != byte {
            return Err(Wrong::Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn after_space(&mut self, byte: u8) -> Result<(), Wrong> {
        self.space();
        self.expect(byte)
    }

    pub(super) fn value(&mut self) -> Result<(), Wrong> {
        self.space();
        match self.peek()? {
            b'{' => self.members(b'}', |scan| {
                scan.string()?;
                scan.after_space(b':')?;
                scan.value()
            }),
            b'[' => self.members(b']', Self::value),
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn members(&mut self, close: u8, member: impl Fn(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Wrong::TooDeep);
        }
        self.space();
        if self.peek()? == close {
            self.at += 1;
        } else {
            loop {
                self.space();
                member(self)?;
                self.space();
                let next = self.peek()?;
                self.at += 1;
                if next == close {
                    break;
                }
                if next != b',' {
                    return Err(Wrong::Malformed);
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.peek()?.is_ascii_hexdigit() {
                                    return Err(Wrong::Malformed);
                                }
                            }
                        }
                        _ => return Err(Wrong::Malformed),
                    }
                }
                0..0x20 => return Err(Wrong::Malformed),
                _ => {}
            }
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Wrong> {
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        if !self.peek()?.is_ascii_digit() {
            return Err(Wrong::Malformed);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Wrong> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        // A full stop behind a number may end the sentence.
        if self.bytes.get(self.at) == Some(&b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.digits()?;
        }
        if self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b'e' | b'E')) {
            let before = self.at;
            self.at += 1;
            if self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits().is_err() {
                self.at = before;
            }
        }
        Ok(())
    }
}
