//! How does a table look? Columns without upright lines, amounts to the right, rules above sums.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A table that is being filled.
pub(crate) struct Grid {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<String>>,
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
        let columns = columns.into_iter().map(|(heading, side)| (heading.to_owned(), side)).collect();
        Self { columns, rows: Vec::new(), rules: Vec::new() }
    }

    /// Adds a row; a cell may have several lines.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// Puts a rule above the row that is added next.
    pub(crate) fn rule(&mut self) {
        self.rules.push(self.rows.len());
    }

    /// Is there anything to show?
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, with this row of sums below a rule.
    pub(crate) fn text_with_totals(mut self, totals: impl IntoIterator<Item = String>) -> String {
        self.rule();
        self.row(totals);
        self.text()
    }

    /// The table as text. A column in which no row has anything is left out.
    pub(crate) fn text(&self) -> String {
        let filled = |column: &usize| self.rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
        let kept: Vec<usize> = (0..self.columns.len()).filter(filled).collect();
        let headings: Vec<&str> = kept.iter().filter_map(|at| self.columns.get(*at)).map(|(text, _)| text.as_str()).collect();
        let mut table = Table::new();
        table.load_style(STYLE).set_header(headings.clone());
        for row in &self.rows {
            table.add_row(kept.iter().map(|at| row.get(*at).map_or("", String::as_str)));
        }
        for (column, at) in table.column_iter_mut().zip(&kept) {
            column.set_padding((0, 1));
            column.set_cell_alignment(match self.columns.get(*at) {
                Some((_, Side::Right)) => CellAlignment::Right,
                Some((_, Side::Left)) | None => CellAlignment::Left,
            });
        }

        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        // Below the headings stands the rule that the style draws.
        let heading = height(headings.into_iter());
        let rule = lines.get(heading).cloned().unwrap_or_default();
        let heights = self.rows.iter().map(|row| height(row.iter().map(String::as_str)));
        let mut ruled = Vec::new();
        let mut next_line = heading + 1;
        for (row, height) in heights.enumerate() {
            if self.rules.contains(&row) {
                ruled.push(next_line);
            }
            next_line += height;
        }
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
}

/// A name may hold anything: characters that steer a terminal become spaces, and a line break at its end, which would shift
/// every rule below, is left out.
fn printable(cell: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    cell.trim_end().chars().map(plain).collect()
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
        assert_eq!(lines, ["store", "coupon", "───────", "1", "2", "───────", "3", "4", "───────", "10"]);
    }

    #[test]
    fn empty_columns_are_left_out() {
        let mut grid = Grid::new([("item", Side::Left), ("marks", Side::Left), ("paid", Side::Right)]);
        grid.row(["tea".to_owned(), String::new(), "1".to_owned()]);
        grid.row(["ink".to_owned(), " \n".to_owned()]);
        assert_eq!(grid.text(), "item  paid\n───────────\ntea      1\nink\n");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        let mut grid = Grid::new([("item", Side::Left)]);
        grid.row(["\u{1b}[31mred\ttea\r\n".to_owned()]);
        assert_eq!(grid.text(), "item\n─────────────\n [31mred tea\n");
    }
}
