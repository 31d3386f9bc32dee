//! Files that nobody but their owner may read, whatever the directory and the umask say: what people say to each
//! other, and the keys that let one in as anybody, are nobody else's business on this machine either.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Makes a directory, with those above it, unless it is there.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file that must not be there yet.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    writing().create_new(true).open(path)
}

/// Opens a file to write to its end, and makes it when it is missing.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let file = writing().create(true).append(true).open(path)?;
    take_from_others(path)?;
    Ok(file)
}

fn writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Takes a file that is there from everybody else, unless it is somebody else's.
pub(crate) fn take_from_others(path: &Path) -> io::Result<()> {
    let Some(mode) = others_may(path)? else {
        return Ok(());
    };
    let file = path.display();
    match fs::set_permissions(path, Permissions::from_mode(0o600)) {
        Ok(()) => {
            tracing::info!(%file, "was open to others with mode {mode:04o}, now only to its owner");
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(%file, "is open to others with mode {mode:04o}, and not this user's to close");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The mode of a file to which others have access.
pub(crate) fn others_may(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Has a directory remember which files are in it, also across a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
