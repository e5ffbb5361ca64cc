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

    fn write_of(&self, position: u64) -> String {
        usize::try_from(position).map(|position| self.write(position)).unwrap_or_default()
    }

    /// Tells tokens of other lists apart; it guards nothing, since every position of a list may be asked for.
    fn digest(&self, position: u64) -> u64 {
        xxh3_64(&[self.0.as_slice(), &position.to_be_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
