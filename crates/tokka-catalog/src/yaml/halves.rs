//! Which character do two escapes make? JSON writes those beyond U+FFFF in two halves (`\ud842\udfb7`), YAML in one piece
//! (`\U00020bb7`).

/// Two halves that became one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortened {
    /// From 1.
    line: usize,
    /// Of what comes after it, in characters from 0, as the text is now.
    column: usize,
}

/// A half: `\`, `u` and four digits.
const HALF: usize = 6;
/// A piece: `\`, `U` and eight digits.
const PIECE: usize = 10;

/// The text with its halves joined, and where; `None` where there are none.
pub(super) fn join(text: &str) -> Option<(String, Vec<Shortened>)> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return None;
    }
    let mut joined = String::with_capacity(text.len());
    let mut shortened = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (mut rest, mut column) = (line, 0);
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at(at);
            // Any other escape, `\\` among them, is left with the character that it escapes.
            let other = || escape.chars().take(2).map(char::len_utf8).sum();
            let whole = character(escape);
            let (escape, after) = escape.split_at(whole.map_or_else(other, |_| 2 * HALF));
            joined.push_str(before);
            column += before.chars().count();
            match whole {
                Some(character) => {
                    joined.push_str(&format!("\\U{:08x}", u32::from(character)));
                    column += PIECE;
                    shortened.push(Shortened { line: number + 1, column });
                }
                None => {
                    joined.push_str(escape);
                    column += escape.chars().count();
                }
            }
            rest = after;
        }
        joined.push_str(rest);
    }
    (!shortened.is_empty()).then_some((joined, shortened))
}

/// The character of two halves at the start of a text.
fn character(text: &str) -> Option<char> {
    let unit = |from: usize| {
        let digits = text.get(from..from + HALF)?.strip_prefix("\\u")?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
    };
    let units = [unit(0)?, unit(HALF)?];
    let mut characters = char::decode_utf16(units);
    // One character of both, not two of one each.
    let first = characters.next()?.ok()?;
    characters.next().is_none().then_some(first)
}

/// Where a column of the text, in characters from 0, stood before it was joined.
pub(super) fn column_as_written(shortened: &[Shortened], line: usize, column: usize) -> usize {
    let first = shortened.partition_point(|pair| pair.line < line);
    let on_line = shortened.iter().skip(first).take_while(|pair| pair.line == line && pair.column <= column);
    column + on_line.count() * (2 * HALF - PIECE)
}
