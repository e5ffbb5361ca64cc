//! How does a table look? Columns without upright lines, amounts to the right, a rule above the totals.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A table that is being filled.
pub(crate) struct Grid {
    table: Table,
    heading_height: usize,
    rows: usize,
}

/// On which side of its column a cell stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Only a rule below the headings; the widths of Chinese, Japanese and Korean characters are two columns.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Grid {
    /// A table with these headings; a heading may have several lines.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Side)>) -> Self {
        let (headings, sides): (Vec<&str>, Vec<Side>) = columns.into_iter().unzip();
        let heading_height = headings.iter().map(|heading| heading.lines().count()).max().unwrap_or(1);
        let mut table = Table::new();
        table.load_style(STYLE).set_header(headings);
        for (column, side) in table.column_iter_mut().zip(sides) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match side {
                Side::Left => CellAlignment::Left,
                Side::Right => CellAlignment::Right,
            });
        }
        Self { table, heading_height, rows: 0 }
    }

    /// Adds a row; a cell may have several lines.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells.into_iter().collect::<Vec<_>>());
        self.rows += 1;
    }

    /// Is there anything to show?
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The table as text.
    pub(crate) fn text(&self) -> String {
        self.written(None)
    }

    /// The table as text, with this row of sums, of one line, below a rule.
    pub(crate) fn text_with_totals(mut self, totals: impl IntoIterator<Item = String>) -> String {
        self.row(totals);
        let last = self.table.lines().count().saturating_sub(1);
        self.written(Some(last))
    }

    fn written(&self, rule_before: Option<usize>) -> String {
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        let rule = lines.get(self.heading_height).cloned().unwrap_or_default();
        let mut text = String::new();
        for (position, line) in lines.iter().enumerate() {
            if rule_before == Some(position) {
                text.push_str(&rule);
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn double_width_names_keep_the_columns_apart() {
        let mut grid = Grid::new([("item", Side::Left), ("gross", Side::Right), ("note", Side::Left)]);
        grid.row(["サージカルマスク".to_owned(), "1,280".to_owned(), "!".to_owned()]);
        grid.row(["tea".to_owned(), "12,800".to_owned(), "!".to_owned()]);
        let text = grid.text_with_totals(["total".to_owned(), "14,080".to_owned(), "!".to_owned()]);
        let rows: Vec<&str> = text.lines().filter(|line| line.ends_with('!')).collect();
        assert_eq!(rows.len(), 3, "{text}");
        let widths: Vec<usize> = rows.iter().map(|row| row.width()).collect();
        assert!(widths.iter().all(|width| Some(width) == widths.first()), "{text}");
    }

    #[test]
    fn totals_stand_below_a_rule_of_their_own() {
        let mut grid = Grid::new([("store\ncoupon", Side::Right)]);
        grid.row(["1\n2".to_owned()]);
        let text = grid.text_with_totals(["3".to_owned()]);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines, ["store", "coupon", "────────", "1", "2", "────────", "3"]);
    }
}
