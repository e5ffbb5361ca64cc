//! How does a number look next to others? As a bar, or as a line of small ones, for eyes that compare.

/// Columns of the longest bar.
const BAR_MAX: i64 = 40;
/// From nothing to the most.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar of the part that a number is of the largest one; above 0 it is seen, at or below 0 it is not.
pub(crate) fn bar(number: i64, largest: i64) -> String {
    if number <= 0 || largest <= 0 {
        return String::new();
    }
    let eighths = i128::from(number) * i128::from(BAR_MAX) * 8 / i128::from(largest);
    let eighths = usize::try_from(eighths.clamp(1, i128::from(BAR_MAX) * 8)).unwrap_or(0);
    let rest = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = rest.get(eighths % 8).filter(|_| !eighths.is_multiple_of(8)) {
        bar.push(*part);
    }
    bar
}

/// Numbers over time, each as high as it is of the largest possible one.
pub(crate) fn line(numbers: &[i64], largest: i64) -> String {
    let step = |number: &i64| {
        let top = i128::try_from(STEPS.len() - 1).unwrap_or(0);
        let at = i128::from((*number).clamp(0, largest.max(0))) * top / i128::from(largest.max(1));
        usize::try_from(at).ok().and_then(|at| STEPS.get(at)).copied().unwrap_or(' ')
    };
    numbers.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_part() {
        let lengths: Vec<usize> = [100, 50, 25, 0, -5].map(|number| bar(number, 100).chars().count()).into();
        assert_eq!(lengths, [40, 20, 10, 0, 0]);
        assert_eq!((bar(1, 1_000_000), bar(5, 0), bar(i64::MAX, i64::MAX).chars().count()), ("▏".to_owned(), String::new(), 40));
    }

    #[test]
    fn a_line_goes_from_the_lowest_step_to_the_highest() {
        assert_eq!(line(&[10, 8, 5, 0, -1, 20], 10), "█▆▄▁▁█");
        assert_eq!(line(&[0, 3], 0), "▁▁");
    }
}
