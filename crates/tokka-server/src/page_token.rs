//! Where does the next page begin? A position, in a token that holds for one list and one catalogue only.

use xxhash_rust::xxh3::xxh3_64;

/// Of what a page is one: everything that decides what the list is.
#[derive(Debug, Clone)]
pub(crate) struct Of(Vec<u8>);

impl Of {
    /// The request without its page, encoded, under a revision. The number of a revision counts in one process; its end is
    /// the same in all that serve the same files.
    pub(crate) fn new(request: &[u8], revision: &str) -> Self {
        let files = revision.rsplit('-').next().unwrap_or_default().as_bytes();
        Self([files, b"\n", request].concat())
    }

    /// The token of a page that begins behind so many entries.
    pub(crate) fn write(&self, position: usize) -> String {
        let position = u64::try_from(position).unwrap_or(u64::MAX);
        format!("{position:x}-{:016x}", self.digest(position))
    }

    /// Where the page of a token begins; `None`: it is no token of this list.
    pub(crate) fn read(&self, token: &str) -> Option<usize> {
        let (position, digest) = token.split_once('-')?;
        let position = u64::from_str_radix(position, 16).ok()?;
        let digest = u64::from_str_radix(digest, 16).ok()?;
        usize::try_from(position).ok().filter(|_| digest == self.digest(position) && self.write_of(position) == token)
    }

    /// The token of a page that begins behind a key, for lists that grow.
    pub(crate) fn write_key(&self, key: &[u8]) -> String {
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digits}-{:016x}", self.digest_of(key))
    }

    /// The key of a token; `None`: it is no token of this list.
    pub(crate) fn read_key(&self, token: &str) -> Option<Vec<u8>> {
        let (digits, _) = token.split_once('-')?;
        let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let key: Vec<u8> = pairs.collect::<Option<_>>()?;
        (self.write_key(&key) == token).then_some(key)
    }

    fn write_of(&self, position: u64) -> String {
        usize::try_from(position).map(|position| self.write(position)).unwrap_or_default()
    }

    /// Tells tokens of other lists apart; it guards nothing, since every position of a list may be asked for.
    fn digest(&self, position: u64) -> u64 {
        self.digest_of(&position.to_be_bytes())
    }

    fn digest_of(&self, at: &[u8]) -> u64 {
        xxh3_64(&[self.0.as_slice(), at].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_key_is_read_by_its_own_list_alone() {
        let list = Of::new(b"entries", "");
        for key in [&b""[..], b"\x0a2026-11-11\x00\xff", b"k"] {
            let token = list.write_key(key);
            assert_eq!(list.read_key(&token).as_deref(), Some(key));
            assert_eq!(Of::new(b"other", "").read_key(&token), None, "another list");
            for wrong in [String::new(), token.to_uppercase() + "A", format!("00{token}"), token.replacen('-', "", 1)] {
                assert_eq!(list.read_key(&wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_token_is_read_by_its_own_list_alone() {
        let list = Of::new(b"flash", "7-2f0c61a9");
        let token = list.write(100);
        assert_eq!(list.read(&token), Some(100));
        assert_eq!(Of::new(b"flash", "3-2f0c61a9").read(&token), Some(100), "another process with the same files");
        assert_eq!(Of::new(b"flash", "8-00000000").read(&token), None, "other files");
        assert_eq!(Of::new(b"other", "7-2f0c61a9").read(&token), None, "another list");
        let changed = token.replacen("64", "65", 1);
        for wrong in ["", "-", "64", "x-y", changed.as_str(), &token[1..], &token.to_uppercase(), &format!("+{token}")] {
            assert_eq!(list.read(wrong), None, "{wrong}");
        }
    }
}
