// SPDX-License-Identifier: GPL-2.0

//! The results: in the terminal, as JSON, and as a page with plots.

pub(crate) mod also;
pub(crate) mod closed_loop;
pub(crate) mod frames;
pub(crate) mod html;
pub(crate) mod peers;
mod plots;
pub(crate) mod rst;
pub(crate) mod table;

use std::io;
use std::path::Path;

use crate::board::Board;

/// Writes all results.
pub(crate) fn write_json(path: &Path, board: &Board) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(board)?;
    text.push(b'\n');
    write(path, &text)
}

/// Writes a file, and its directory.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, text)
}

/// "300k"
fn rate(bitrate: u64) -> String {
    if bitrate >= 1_000_000 {
        format!("{}M", bitrate as f64 / 1e6)
    } else {
        format!("{}k", bitrate as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!(
            (rate(300_000), rate(1_200_000)),
            ("300k".into(), "1.2M".into())
        );
    }
}
