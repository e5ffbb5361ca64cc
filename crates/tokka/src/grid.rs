//! How does a table look? Columns without upright lines, amounts to the right, rules above sums.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A table that is being filled.
pub(crate) struct Grid {
    table: Table,
    /// The height of the headings, then of each row.
    heights: Vec<usize>,
    /// Numbers of rows above which a rule stands.
    rules: Vec<usize>,
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
        let heights = vec![height(headings.iter().copied())];
        let mut table = Table::new();
        table.load_style(STYLE).set_header(headings);
        for (column, side) in table.column_iter_mut().zip(sides) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match side {
                Side::Left => CellAlignment::Left,
                Side::Right => CellAlignment::Right,
            });
        }
        Self { table, heights, rules: Vec::new() }
    }

    /// Adds a row; a cell may have several lines.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A line break at the end of a name would shift every rule below it.
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.trim_end().to_owned()).collect();
        self.heights.push(height(cells.iter().map(String::as_str)));
        self.table.add_row(cells);
    }

    /// Puts a rule above the row that is added next.
    pub(crate) fn rule(&mut self) {
        self.rules.push(self.heights.len());
    }

    /// Is there anything to show?
    pub(crate) fn is_empty(&self) -> bool {
        self.heights.len() < 2
    }

    /// The table as text.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        // The headings, and below them the rule that the style draws.
        let heading = self.heights.first().copied().unwrap_or(1);
        let rule = lines.get(heading).cloned().unwrap_or_default();
        let above_row = |row: usize| self.heights.iter().take(row).sum::<usize>() + 1;
        let ruled: Vec<usize> = self.rules.iter().map(|row| above_row(*row)).collect();
        let mut text = String::new();
        for (position, line) in lines.iter().enumerate() {
            if ruled.contains(&position) {
                text.push_str(&rule);
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The table as text, with this row of sums below a rule.
    pub(crate) fn text_with_totals(mut self, totals: impl IntoIterator<Item = String>) -> String {
        self.rule();
        self.row(totals);
        self.text()
    }
}

/// How many lines the tallest of these cells has.
fn height<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
    cells.map(|cell| cell.lines().count()).max().unwrap_or(0).max(1)
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
    fn rules_stand_above_the_rows_they_were_put_above() {
        let mut grid = Grid::new([("store\ncoupon", Side::Right)]);
        grid.row(["1\n2".to_owned()]);
        grid.rule();
        grid.row(["3\n".to_owned()]);
        grid.row(["4".to_owned()]);
        let text = grid.text_with_totals(["10".to_owned()]);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines, ["store", "coupon", "────────", "1", "2", "────────", "3", "4", "────────", "10"]);
    }
}
