//! Windows-1252, the code page of `varchar` under the collation that this server announces.

/// 0x80 to 0x9F; the rest is Latin-1. The five bytes that stand for nothing map to the control characters of their number.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// What the code page has not becomes a question mark, as in SQL Server.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| match character as u32 {
            code @ (0..=0x7F | 0xA0..=0xFF) => code as u8,
            _ => HIGH.iter().position(|high| *high == character).map_or(b'?', |at| 0x80 + at as u8),
        })
        .collect()
}

pub(crate) fn decode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
            _ => char::from(*byte),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&decode(&all)), all);
        assert_eq!(encode("€ – Œ – 世"), [0x80, b' ', 0x96, b' ', 0x8C, b' ', 0x96, b' ', b'?']);
    }
}
