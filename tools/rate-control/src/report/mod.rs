// SPDX-License-Identifier: GPL-2.0

//! The results: in the terminal, as JSON, and as a page with plots.

pub(crate) mod html;
mod plots;
mod svg;
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

/// Three significant figures or so; "never" for what does not happen.
fn figure(value: f64) -> String {
    if value.is_infinite() {
        "never".to_owned()
    } else if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        let all = [0.0, 3.0, 1.234, 12.34, 123.4, -0.5, f64::INFINITY].map(figure);
        assert_eq!(all, ["0", "3", "1.23", "12.3", "123", "-0.50", "never"]);
        assert_eq!(
            (rate(300_000), rate(1_200_000)),
            ("300k".into(), "1.2M".into())
        );
    }
}
