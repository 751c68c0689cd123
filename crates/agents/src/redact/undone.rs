//! A text as it is read once the escapes of JSON, addresses and pages in it are undone, and where each part of it was written.
//! Must never undo what is no printable letter of ASCII: no value that headers can carry has another.

/// Of entities, with their `&` and `;`.
const MAX_ENTITY_BYTES: usize = 10;
/// What serializers and pages call by name.
const ENTITIES: [(&str, char); 13] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("plus", '+'),
    ("equals", '='),
    ("sol", '/'),
    ("colon", ':'),
    ("lowbar", '_'),
    ("period", '.'),
    ("grave", '`'),
    ("num", '#'),
];

/// One layer of escapes less.
pub(super) struct Undone {
    pub(super) text: String,
    /// Behind each escape, in the order of the text: from here on what stands here stood there. Up to it nothing is shifted further.
    jumps: Vec<(usize, usize)>,
}

impl Undone {
    /// None where there is nothing to undo.
    pub(super) fn of(source: &str) -> Option<Self> {
        let mut undone = Self { text: String::new(), jumps: Vec::new() };
        let (mut done, mut at) = (0, 0);
        while let Some(n) = source[at..].find(BEGINS) {
            let start = at + n;
            at = start + 1;
            if let Some((letter, length)) = escape(&source[start..]) {
                undone.text.push_str(&source[done..start]);
                undone.text.push(letter);
                done = start + length;
                undone.jumps.push((undone.text.len(), done));
                at = done;
            }
        }
        if undone.jumps.is_empty() {
            return None;
        }
        undone.text.push_str(&source[done..]);
        Some(undone)
    }

    /// Where this place of the text was.
    pub(super) fn source_of(&self, at: usize) -> usize {
        let n = self.jumps.partition_point(|(here, _)| *here <= at);
        match n.checked_sub(1).and_then(|n| self.jumps.get(n)) {
            Some((here, there)) => there + (at - here),
            None => at,
        }
    }
}

/// What begins an escape.
pub(super) const BEGINS: [char; 3] = ['\\', '%', '&'];

/// The letter that the escape at the beginning stands for, and the bytes of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes() {
        [b'\\', b'u', ..] => Some((letter(text.get(2..6)?, 16)?, 6)),
        [b'\\', b'x', ..] => Some((letter(text.get(2..4)?, 16)?, 4)),
        [b'\\', quoted @ (b'"' | b'\'' | b'/' | b'\\'), ..] => Some((char::from(*quoted), 2)),
        [b'%', ..] => Some((letter(text.get(1..3)?, 16)?, 3)),
        [b'&', ..] => entity(text),
        _ => None,
    }
}

fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(MAX_ENTITY_BYTES).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let found = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => letter(digits, 16)?,
            None => letter(number, 10)?,
        },
        None => ENTITIES.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((found, end + 1))
}

fn letter(digits: &str, radix: u32) -> Option<char> {
    let code = u8::try_from(u32::from_str_radix(digits, radix).ok()?).ok()?;
    (code == b' ' || code.is_ascii_graphic()).then(|| char::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_undone_and_known_by_its_place() {
        let source = r"é=\u003d%2f&#43;&#x3D;&plus;\/\\é%zz&nosuch;\u00e9";
        let undone = Undone::of(source).unwrap();
        assert_eq!(undone.text, r"é==/+=+/\é%zz&nosuch;\u00e9");
        for (part, written) in [("=/", r"\u003d%2f"), ("+=+", "&#43;&#x3D;&plus;"), (r"/\é", r"\/\\é"), ("%zz", "%zz")]
        {
            let start = undone.text.rfind(part).unwrap();
            let (from, to) = (undone.source_of(start), undone.source_of(start + part.len()));
            assert_eq!(&source[from..to], written, "{part}");
        }
        assert!(Undone::of("nothing").is_none() && Undone::of("100 %").is_none());
    }
}
