//! A run that has ended, on the terminal: its setting, its tables, its violations, and the verdict last.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, TableComponent, presets};

use crate::{
    run::Run,
    tables::{PHASE_COLUMNS, phase_rows, totals},
};

/// Writes it all. The last line is the verdict.
pub(crate) fn write(run: &Run, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{}", pairs(&run.setting))?;
    let phases = phase_rows(run);
    if !phases.is_empty() {
        writeln!(out, "\n{}", table(&PHASE_COLUMNS, phases))?;
    }
    writeln!(out, "\n{}", pairs(&totals(run)))?;
    if !run.findings.summary.is_empty() {
        writeln!(out)?;
    }
    for line in &run.findings.summary {
        writeln!(out, "{line}")?;
    }
    for doubt in run.doubts() {
        writeln!(out, "\nWARNING: {doubt}")?;
    }
    let violations = run.violations.told();
    if !violations.is_empty() {
        writeln!(out, "\nViolations:")?;
    }
    for violation in violations {
        // One may hold the end of a server's log.
        writeln!(out, "  {}", violation.replace('\n', "\n    "))?;
    }
    writeln!(out, "\n{}", run.verdict())
}

/// Rows under a heading; all but the first column are numbers.
fn table(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(columns).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Names and values.
fn pairs<Name: AsRef<str>>(pairs: &[(Name, String)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in pairs {
        table.add_row([name.as_ref(), value]);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    fn text(run: &Run) -> String {
        let mut text = Vec::new();
        write(run, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn it_ends_with_the_verdict_and_holds_no_escape_codes() {
        let run = made_up();
        let text = text(&run);
        assert_eq!(text.lines().last(), Some(run.verdict().as_str()));
        assert!(!text.contains('\u{1b}'));
        for part in [
            "seed",
            "42",
            "lobby <all>",
            "delivery p50",
            "played & checked",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn only_the_first_violations_are_told() {
        let run = made_up();
        for number in 1..=25 {
            run.violations.add(format!("lost: {number}."));
        }
        let text = text(&run);
        assert!(text.contains("lost: 20.") && !text.contains("lost: 21."));
        assert!(text.contains("and 5 more"));
    }
}
