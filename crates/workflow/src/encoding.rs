//! Bytes of a file that somebody gives, as the text that they are: UTF-8, or UTF-16 where its mark stands in front, as spreadsheets save
//! what they call Unicode text.
//! Must never guess: a silently replaced letter would be a wrong text.

use thiserror::Error;

/// Why bytes are no text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotText {
    #[error("byte {at} is not UTF-8")]
    Utf8 { at: usize },
    #[error("it begins as UTF-16 and does not go on as such")]
    Utf16,
}

/// A mark of UTF-8 stays; that of UTF-16 is no part of the text.
pub fn text(bytes: &[u8]) -> Result<String, NotText> {
    match bytes {
        // The mark of UTF-32, which nobody writes, begins alike.
        [0xff, 0xfe, 0, 0, ..] => Err(NotText::Utf16),
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(NotText::Utf8 { at: error.valid_up_to() }),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, half) = bytes.as_chunks::<2>();
    if !half.is_empty() {
        return Err(NotText::Utf16);
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().map_err(|_| NotText::Utf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_in_which_order_the_bytes_stand() {
        let said = "Größe\t漢字 🌧\r\n";
        let units = || said.encode_utf16();
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect();
        for bytes in [said.as_bytes(), &little, &big] {
            assert_eq!(text(bytes).as_deref(), Ok(said), "{bytes:x?}");
        }
        assert_eq!(text("\u{feff}a".as_bytes()).as_deref(), Ok("\u{feff}a"));
        assert_eq!(text(b"").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_in_no_known_encoding_is_no_text() {
        let refused: [(&[u8], NotText); 5] = [
            (b"caf\xe9", NotText::Utf8 { at: 3 }),
            // Without a mark nobody knows that it is UTF-16.
            (b"G\0r\0\xf6\0", NotText::Utf8 { at: 4 }),
            (b"\xff\xfea\0b", NotText::Utf16),
            (b"\xff\xfe\x3d\xd8a\0", NotText::Utf16),
            (b"\xff\xfe\0\0a\0\0\0", NotText::Utf16),
        ];
        for (bytes, why) in refused {
            assert_eq!(text(bytes), Err(why), "{bytes:x?}");
        }
    }
}
