//! How does an input become another? Bytes, numbers and lines are changed, doubled, lost and exchanged.

use tokka_tests::generate::Random;

/// A longer input takes its time, and shows nothing that a shorter one would not.
const LENGTH_MAX: usize = 1 << 16;

/// What parsers and prices stumble over.
const WORDS: [&str; 34] = [
    "0",
    "-1",
    "1",
    "999999",
    "1000000",
    "9223372036854775807",
    "1e3",
    "1.5",
    "\"0.000001\"",
    "\"100\"",
    "\"100.1\"",
    "null",
    "~",
    "true",
    "[]",
    "{}",
    "[[[[",
    "}}",
    "*a",
    "&a",
    "!!int 3",
    "|\n",
    ">\n",
    "---\n",
    "...\n",
    "# ",
    "\t",
    "\u{feff}",
    "\u{0}",
    "platform",
    "seller",
    "none",
    "24:00",
    "2026-03-08T02:30:00-08:00",
];

/// A child of `of`, sometimes with a part of `other`.
pub(crate) fn mutate(of: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = of.to_vec();
    for _ in 0..random.from(1, 4) {
        match random.from(0, 9) {
            0 => flip(&mut data, random),
            1 => replace(&mut data, random),
            2 | 3 => number(&mut data, random),
            4 => lines(&mut data, random, |lines, from, to| drop(lines.drain(from..to))),
            5 => lines(&mut data, random, |lines, from, to| {
                let twice = lines.get(from..to).unwrap_or_default().to_vec();
                drop(lines.splice(to..to, twice));
            }),
            6 => lines(&mut data, random, |lines, from, to| {
                if to < lines.len() {
                    lines.swap(from, to);
                }
            }),
            7 => indent(&mut data, random),
            8 => exchange(&mut data, other, random),
            _ => cut(&mut data, random),
        }
    }
    data.truncate(LENGTH_MAX);
    data
}

/// A place in `length`, its end included.
fn place(length: usize, random: &mut Random) -> usize {
    usize::try_from(random.from(0, i64::try_from(length).unwrap_or(0))).unwrap_or(0).min(length)
}

fn flip(data: &mut [u8], random: &mut Random) {
    let (at, bit) = (place(data.len(), random), random.from(0, 7));
    if let Some(byte) = data.get_mut(at) {
        *byte ^= 1u8 << bit;
    }
}

/// A word where something else stood.
fn replace(data: &mut Vec<u8>, random: &mut Random) {
    let at = place(data.len(), random);
    let to = (at + place(6, random)).min(data.len());
    drop(data.splice(at..to, random.pick(&WORDS).bytes()));
}

/// Another number in the place of one.
fn number(data: &mut Vec<u8>, random: &mut Random) {
    let from = place(data.len(), random);
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = data.get(from..).and_then(|rest| rest.iter().position(is_digit)).map(|at| from + at) else { return };
    let length = data.get(start..).map_or(0, |rest| rest.iter().take_while(|byte| is_digit(byte)).count());
    let strange = (*random.pick(&WORDS)).to_owned();
    let small = random.from(0, 30).to_string();
    let word = if random.chance(50) { small } else { strange };
    drop(data.splice(start..start + length, word.bytes()));
}

/// A change of whole lines, from one up to another.
fn lines(data: &mut Vec<u8>, random: &mut Random, change: impl FnOnce(&mut Vec<Vec<u8>>, usize, usize)) {
    let mut lines: Vec<Vec<u8>> = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let from = place(lines.len() - 1, random);
    let to = (from + 1 + place(3, random)).min(lines.len());
    change(&mut lines, from, to);
    *data = lines.concat();
}

fn indent(data: &mut Vec<u8>, random: &mut Random) {
    let deeper = random.chance(50);
    lines(data, random, |lines, from, _| {
        if let Some(line) = lines.get_mut(from) {
            if deeper {
                line.insert(0, b' ');
            } else if line.first() == Some(&b' ') {
                line.remove(0);
            }
        }
    });
}

/// A piece of another input.
fn exchange(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let from = place(other.len(), random);
    let piece = other.get(from..(from + place(200, random)).min(other.len())).unwrap_or_default();
    let at = place(data.len(), random);
    let to = (at + place(200, random)).min(data.len());
    drop(data.splice(at..to, piece.iter().copied()));
}

fn cut(data: &mut Vec<u8>, random: &mut Random) {
    if random.chance(20) {
        data.truncate(place(data.len(), random));
    }
}
