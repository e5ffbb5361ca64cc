//! Which entries of the operation log are kept, and where is a reader? Positions, cursors and registered readers.

use std::collections::BTreeMap;

use crate::ledger::LedgerError;
use crate::model::Cursor;

/// The first byte of a cursor: the layout of the rest.
const LAYOUT: u8 = 1;

/// What is kept of the log. Positions count from 1; an entry is kept if its position is above `start`.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Of the store: a cursor of another one means nothing here.
    pub(crate) epoch: u64,
    /// The last position that is no longer kept; it only rises.
    pub(crate) start: u64,
    /// The last position that was given.
    pub(crate) end: u64,
    /// At most this many entries are kept.
    pub(crate) log_max: u64,
    /// So many are kept also where every registered reader has passed them: for readers that are not registered.
    pub(crate) log_min: u64,
    /// The last position that each registered reader has passed.
    pub(crate) readers: BTreeMap<String, u64>,
}

/// Where reading goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// With the first entry above this position.
    Position(u64),
    /// Entries after the cursor are gone.
    Gap(Cursor),
}

impl Window {
    pub(crate) fn new(epoch: u64, log_max: u64) -> Self {
        Self { epoch, start: 0, end: 0, log_max: log_max.max(1), log_min: 0, readers: BTreeMap::new() }
    }

    /// What the store is called: 16 hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", self.epoch)
    }

    /// Gives the next position.
    pub(crate) fn advance(&mut self) -> u64 {
        self.end = self.end.saturating_add(1);
        self.trim();
        self.end
    }

    /// Entries go once every registered reader has passed them and `log_min` newer ones are there; where none is
    /// registered, only `log_max` bounds them.
    pub(crate) fn trim(&mut self) {
        let passed = self.readers.values().copied().min().unwrap_or(0).min(self.end.saturating_sub(self.log_min));
        self.start = self.start.max(passed).max(self.end.saturating_sub(self.log_max));
    }

    /// The answer to a reader who has read everything: worth knowing without looking at a disk.
    pub(crate) fn is_at_end(&self, cursor: &Cursor) -> bool {
        matches!(self.after(cursor), Ok(After::Position(position)) if position >= self.end)
    }

    pub(crate) fn after(&self, cursor: &Cursor) -> Result<After, LedgerError> {
        let position = match self.parse(cursor)? {
            None => return Ok(After::Position(self.start)),
            Some((epoch, position)) if epoch == self.epoch && position <= self.end => position,
            Some(_) => return Ok(After::Gap(self.cursor(self.start))),
        };
        if position < self.start { Ok(After::Gap(self.cursor(self.start))) } else { Ok(After::Position(position)) }
    }

    /// Registers a reader or notes how far it is; it never goes back. The default cursor registers it where the log
    /// begins now.
    pub(crate) fn pass(&mut self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        let position = match self.parse(cursor)? {
            None => self.start,
            Some((epoch, position)) if epoch == self.epoch && position <= self.end => position,
            Some(_) => return Err(LedgerError::Malformed("a cursor of another store".to_owned())),
        };
        let passed = self.readers.entry(reader.to_owned()).or_insert(position);
        *passed = position.max(*passed);
        self.trim();
        Ok(())
    }

    pub(crate) fn reader(&self, reader: &str) -> Option<Cursor> {
        self.readers.get(reader).map(|position| self.cursor(*position))
    }

    /// Layout, epoch, number of shards, position.
    pub(crate) fn cursor(&self, position: u64) -> Cursor {
        let mut bytes = vec![LAYOUT];
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.push(1);
        bytes.extend_from_slice(&position.to_be_bytes());
        Cursor(bytes)
    }

    /// Epoch and position; `None` for the default cursor, which stands before everything.
    fn parse(&self, cursor: &Cursor) -> Result<Option<(u64, u64)>, LedgerError> {
        if cursor.0.is_empty() {
            return Ok(None);
        }
        let parsed = (|| {
            let rest = cursor.0.strip_prefix(&[LAYOUT])?;
            let (epoch, rest) = rest.split_first_chunk::<8>()?;
            let position = rest.strip_prefix(&[1])?.try_into().ok()?;
            Some((u64::from_be_bytes(*epoch), u64::from_be_bytes(position)))
        })();
        parsed.map(Some).ok_or_else(|| LedgerError::Malformed("not a cursor of this store".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(end: u64, log_max: u64) -> Window {
        let mut window = Window::new(7, log_max);
        for _ in 0..end {
            window.advance();
        }
        window
    }

    #[test]
    fn the_cursor_never_changes() {
        assert_eq!(window(3, 9).cursor(3).0, [1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn without_readers_the_log_keeps_its_maximum() {
        assert_eq!((window(3, 9).start, window(12, 9).start), (0, 3));
    }

    #[test]
    fn the_slowest_reader_holds_the_log_but_not_beyond_its_maximum() {
        let mut window = window(5, 9);
        window.pass("slow", &window.cursor(2)).unwrap();
        window.pass("fast", &window.cursor(5)).unwrap();
        assert_eq!(window.start, 2);
        for _ in 0..9 {
            window.advance();
        }
        assert_eq!((window.end, window.start), (14, 5));
        assert_eq!(window.after(&window.cursor(2)), Ok(After::Gap(window.cursor(5))));
        assert_eq!(window.after(&window.cursor(5)), Ok(After::Position(5)));
        assert_eq!(window.after(&Cursor::default()), Ok(After::Position(5)));
    }

    #[test]
    fn the_newest_entries_stay_for_readers_that_are_not_registered() {
        let mut window = Window { log_min: 3, ..window(5, 9) };
        window.pass("archive", &window.cursor(5)).unwrap();
        assert_eq!(window.start, 2);
        for _ in 0..4 {
            window.advance();
        }
        assert_eq!((window.start, window.end), (5, 9), "what the archive has not passed is more than three");
        window.pass("archive", &window.cursor(9)).unwrap();
        assert_eq!(window.start, 6);
        window.log_max = 2;
        window.trim();
        assert_eq!(window.start, 7, "the maximum is the stronger word");
    }

    #[test]
    fn a_reader_never_goes_back() {
        let mut window = window(5, 9);
        window.pass("a", &window.cursor(4)).unwrap();
        window.pass("a", &window.cursor(1)).unwrap();
        assert_eq!(window.reader("a"), Some(window.cursor(4)));
        assert_eq!(window.reader("b"), None);
    }

    #[test]
    fn a_cursor_of_another_store_is_a_gap_and_rubbish_is_refused() {
        let mut window = window(5, 9);
        let other = Window::new(8, 9).cursor(1);
        assert_eq!(window.after(&other), Ok(After::Gap(window.cursor(0))));
        assert!(window.pass("a", &other).is_err());
        assert_eq!(window.after(&window.cursor(6)), Ok(After::Gap(window.cursor(0))));
        for rubbish in [vec![0], vec![1; 17], vec![1; 19], vec![2; 18]] {
            assert!(window.after(&Cursor(rubbish)).is_err());
        }
    }
}
