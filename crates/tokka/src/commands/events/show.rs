//! How is an entry of the log shown? As a row for people, a line for who follows, or JSON for programs.

use jiff::Timestamp;
use serde_json::json;
use tokka_client::v1;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;
use crate::remote::json_line;
use crate::store::shown;

/// How entries are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A table for each batch.
    Table,
    /// One line an entry.
    Lines,
    /// One JSON object a line.
    Json,
}

/// Prints entries and counts them.
#[derive(Debug)]
pub(super) struct Show {
    form: Form,
    printed: i64,
    /// Nobody reads any more.
    pub(super) unread: bool,
}

impl Show {
    pub(super) const fn new(form: Form) -> Self {
        Self { form, printed: 0, unread: false }
    }

    pub(super) fn events(&mut self, events: &[v1::Event]) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        self.printed = self.printed.saturating_add(i64::try_from(events.len()).unwrap_or(i64::MAX));
        let text = match self.form {
            Form::Table => table(events),
            Form::Lines => events.iter().map(line).collect(),
            Form::Json => {
                let mut text = String::new();
                for event in events {
                    text.push_str(&json_line("Event", event)?);
                }
                text
            }
        };
        self.print(&text)
    }

    fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.unread = !output::print_while_read(text)?;
        Ok(())
    }

    /// Where to go on: for programs, since a person interrupts and reads the last line of what stands there.
    pub(super) fn place(&mut self, place: &str) -> Result<(), Failure> {
        if self.form == Form::Json { self.print(&format!("{}\n", json!({"cursor": place}))) } else { Ok(()) }
    }

    /// Entries are missing here.
    pub(super) fn gap(&mut self, place: &str) -> Result<(), Failure> {
        self.print(&match self.form {
            Form::Json => format!("{}\n", json!({"gap": true, "cursor": place})),
            Form::Table | Form::Lines => "-- the log no longer has what came here --\n".to_owned(),
        })
    }

    pub(super) fn end(&mut self, place: &str) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.place(place),
            Form::Table | Form::Lines => self.print(&format!("\n{}; go on with `--after {place}`\n", entries(self.printed))),
        }
    }

    pub(super) fn end_of_archive(&self, days: usize) -> Result<(), Failure> {
        let days = count(i64::try_from(days).unwrap_or(i64::MAX), "day");
        match self.form {
            Form::Json => Ok(()),
            Form::Table | Form::Lines => output::print(&format!("\n{} of {days}\n", entries(self.printed))),
        }
    }
}

fn entries(number: i64) -> String {
    format!("{} {}", grouped(number), if number == 1 { "entry" } else { "entries" })
}

/// A word for each transition, as the shop has it.
const fn word(transition: v1::Transition) -> &'static str {
    match transition {
        v1::Transition::Reserved => "held",
        v1::Transition::Taken => "taken",
        v1::Transition::Committed => "paid",
        v1::Transition::Reacquired => "paid late, taken again",
        v1::Transition::PartReturned => "returned in part",
        v1::Transition::RolledBack => "rolled back",
        v1::Transition::Expired => "expired",
        v1::Transition::Extended => "held longer",
        v1::Transition::Replaced => "replaced by another",
        v1::Transition::Tombstone => "cancelled before it came",
        v1::Transition::Unspecified => "something that this program does not know",
    }
}

fn moved(event: &v1::Event) -> impl Iterator<Item = String> {
    event.moved.iter().map(|moved| {
        let sign = if moved.by > 0 { "+" } else { "" };
        format!("{sign}{} {}", grouped(moved.by), shown(moved.counter.as_ref(), &moved.user))
    })
}

fn order(event: &v1::Event) -> &str {
    event.order.as_ref().and_then(|order| order.order_id.as_deref()).unwrap_or_default()
}

fn table(events: &[v1::Event]) -> String {
    let mut grid = Grid::new([
        ("position", Side::Right),
        ("when (UTC)", Side::Left),
        ("reservation", Side::Left),
        ("version", Side::Right),
        ("what", Side::Left),
        ("limited quantities", Side::Left),
        ("order", Side::Left),
    ]);
    for event in events {
        grid.row([
            grouped(event.position),
            when(event.at),
            event.reservation_id.clone(),
            grouped(event.version),
            word(event.transition()).to_owned(),
            moved(event).collect::<Vec<_>>().join("\n"),
            order(event).to_owned(),
        ]);
    }
    grid.text()
}

fn line(event: &v1::Event) -> String {
    let mut parts =
        vec![format!("{}  {} v{}", when(event.at), event.reservation_id, event.version), word(event.transition()).to_owned()];
    parts.extend(moved(event));
    if !order(event).is_empty() {
        parts.push(format!("order {}", order(event)));
    }
    format!("{}\n", parts.join(" · "))
}

fn when(at: Option<prost_types::Timestamp>) -> String {
    let at = at.unwrap_or_default();
    match Timestamp::new(at.seconds, at.nanos) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => at.seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_for_who_follows() {
        let counter =
            v1::Counter { kind: v1::CounterKind::UnitsPerUser.into(), promotion: "flash".to_owned(), ..Default::default() };
        let event = v1::Event {
            reservation_id: "o-1".to_owned(),
            version: 3,
            transition: v1::Transition::PartReturned.into(),
            at: Some(prost_types::Timestamp { seconds: 0, nanos: 5_000_000 }),
            moved: vec![v1::CounterMove { counter: Some(counter), by: -2, user: "u1".to_owned() }],
            order: Some(v1::OrderReference { order_id: Some("1001".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        let text = "1970-01-01 00:00:00.005  o-1 v3 · returned in part · -2 flash: the customer's pieces (u1) · order 1001\n";
        assert_eq!(line(&event), text);
    }
}
