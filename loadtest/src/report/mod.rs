//! A run that has ended, as files: `report.html` for people, which needs nothing but itself, and `figures.json`.

mod chart;
mod charts;
mod figures;
mod page;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use self::chart::ChartError;
use crate::run::Run;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A plot cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

/// Makes the directory if it is missing, so that it is not found out after a long run that there can be none.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn prepare(directory: &Path) -> Result<(), ReportError> {
    fs::create_dir_all(directory).map_err(|source| ReportError::Write {
        path: directory.to_owned(),
        source,
    })
}

/// Writes both files into this directory, which is made if it is missing.
///
/// # Errors
/// When a file cannot be written or a plot not be drawn.
pub(crate) fn write(run: &Run, directory: &Path) -> Result<(), ReportError> {
    let page = page::html(run)?;
    let figures = format!("{:#}\n", figures::json(run));
    prepare(directory)?;
    for (name, content) in [("report.html", page), ("figures.json", figures)] {
        let path = directory.join(name);
        fs::write(&path, content).map_err(|source| ReportError::Write { path, source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    #[test]
    fn both_files_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let there = directory.path().join("new");
        write(&made_up(), &there).unwrap();
        assert!(there.join("report.html").exists() && there.join("figures.json").exists());
    }
}
