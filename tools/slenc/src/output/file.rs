// SPDX-License-Identifier: GPL-2.0

//! A file that has its name only once it is complete.

use crate::error::{
    Context,
    Error,
    Result, //
};
use std::{
    ffi::OsString,
    fs::{
        self,
        File, //
    },
    io::{
        self,
        BufWriter,
        Seek,
        SeekFrom,
        Write, //
    },
    path::{
        Path,
        PathBuf, //
    },
};

/// Written as NAME.part, renamed to NAME by [`OutputFile::commit`], and removed
/// when that never comes. What is no regular file, such as a pipe, is written
/// in place.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    part: Option<PathBuf>,
    file: BufWriter<File>,
}

impl OutputFile {
    /// Opens the file to write.
    pub fn create(path: &Path) -> Result<Self> {
        // The file that a symbolic link names is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let part = (!is_special(&path)).then(|| part_name(&path));
        let open = part.as_ref().unwrap_or(&path);
        let file = File::create(open)
            .map_err(|err| Error::new(format!("cannot write {}: {err}", open.display())))?;
        Ok(Self {
            path,
            part,
            file: BufWriter::with_capacity(1 << 20, file),
        })
    }

    /// The name it is to have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Completes the file and gives it its name.
    pub fn commit(mut self) -> Result<()> {
        let what = format!("writing {}", self.path.display());
        self.file.flush().context(&what)?;
        if let Some(part) = self.part.take() {
            if let Err(err) = fs::rename(&part, &self.path) {
                self.part = Some(part);
                return Err(err).context(what);
            }
        }
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // There is nothing more to do about a file that cannot be removed;
            // its name says that it is incomplete.
            let _ = fs::remove_file(part);
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for OutputFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Whether something other than a regular file has this name.
pub fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

fn part_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.h264");
        fs::write(&path, "old").unwrap();

        let mut file = OutputFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_completed_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = OutputFile::create(&dir.path().join("out.h264")).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link.h264"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = OutputFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn devices_are_written_in_place() {
        let mut file = OutputFile::create(Path::new("/dev/null")).unwrap();
        file.write_all(b"x").unwrap();
        file.commit().unwrap();
        assert!(is_special(Path::new("/dev/null")));
    }
}
