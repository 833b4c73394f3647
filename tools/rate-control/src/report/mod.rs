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

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::Serializer;

use crate::board::Board;

/// Writes all results.
pub(crate) fn write_json(path: &Path, board: &Board) -> io::Result<()> {
    let mut text = json(board)?;
    text.push(b'\n');
    write(path, &text)
}

/// JSON with numbers of six figures: what is measured is not known as well.
fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    struct Rounded;
    impl Formatter for Rounded {
        fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
            // Back to a number, which is written as short as it can be.
            let short = format!("{value:.5e}").parse().unwrap_or(value);
            CompactFormatter.write_f64(to, short)
        }
    }
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Rounded))?;
    Ok(text)
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
    fn numbers_have_six_figures() {
        let all = [
            0.0,
            -0.5,
            1.0 / 3.0,
            2e6 / 3.0,
            1234567.0,
            1e-9,
            f64::INFINITY,
        ];
        let text = json(&(all, u64::MAX)).expect("it is plain data");
        let expected = "[[0.0,-0.5,0.333333,666667.0,1234570.0,1e-9,null],18446744073709551615]";
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn rates() {
        assert_eq!(
            (rate(300_000), rate(1_200_000)),
            ("300k".into(), "1.2M".into())
        );
    }
}
