// SPDX-License-Identifier: GPL-2.0

//! Tables made once and kept. A table's name holds a hash of its pictures and of what the engine
//! makes of them, so that a changed engine makes new ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Sequence;
use crate::plant::engine::Coder;
use crate::plant::table::Table;

/// The engine is recognised by what it makes of some pictures at a fine and at a coarse QP, and of
/// all of them at one between.
const PROBED: usize = 4;
const FEW: [i32; 2] = [15, 39];
const ALL: i32 = 27;

/// A hash: FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo).
pub(crate) fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What is coded of a sequence to recognise the engine: QPs, and pictures in their order.
fn probes(sequence: &Sequence) -> Vec<(i32, Vec<usize>)> {
    let few = sequence.order.iter().copied().take(PROBED);
    // Each once, as when tables are made.
    let mut seen = vec![false; sequence.pictures.len()];
    let once = |&n: &usize| !std::mem::replace(&mut seen[n], true);
    let all = sequence.order.iter().copied().filter(once).collect();
    let mut probes: Vec<_> = FEW.map(|qp| (qp, few.clone().collect())).into();
    probes.push((ALL, all));
    probes
}

/// Changes when the pictures do, or what the engine makes of them.
fn fingerprint(sequence: &Sequence) -> u64 {
    let mut coder = Coder::new(sequence.width, sequence.height);
    let mut words: Vec<u64> = vec![sequence.width as u64, sequence.height as u64];
    for (qp, pictures) in probes(sequence) {
        for (n, picture) in pictures.into_iter().enumerate() {
            let coded = coder.encode(sequence, &sequence.pictures[picture], n == 0, qp);
            words.push(coded.bits);
            words.push(coded.psnr.to_bits());
            coder.commit();
        }
    }
    words.extend(sequence.order.iter().map(|&n| n as u64));
    words.extend(sequence.cuts.iter().map(|&cut| u64::from(cut)));
    let samples = sequence.pictures.iter().map(|p| hash(p.iter().copied()));
    words.extend(samples);
    hash(words.into_iter().flat_map(u64::to_le_bytes))
}

/// The table of a sequence, from `directory` or put there.
pub(crate) fn table(
    directory: &Path,
    name: &str,
    sequence: &Sequence,
    progress: impl FnMut(usize, usize),
) -> Result<Table, String> {
    let path = directory.join(format!("{name}-{:016x}.json", fingerprint(sequence)));
    if let Some(table) = load(&path, sequence) {
        return Ok(table);
    }
    let table = Table::make(sequence, progress);
    store(&path, &table).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(table)
}

/// A table that cannot be read, or is another's, is made anew.
fn load(path: &Path, sequence: &Sequence) -> Option<Table> {
    let table: Table = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (table.period() == sequence.order.len()).then_some(table)
}

/// Others may be reading: the file appears at once.
pub(crate) fn store(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary: PathBuf = path.with_extension(format!("{}", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::table::tests::sequence;

    #[test]
    fn the_engine_is_recognised_by_every_picture() {
        let mut sequence = sequence();
        sequence.order = vec![0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1];
        let few = vec![0, 1, 2, 3];
        let all = vec![0, 1, 2, 3, 4, 5, 6, 7];
        let expected = [(15, few.clone()), (39, few), (27, all)];
        assert_eq!(probes(&sequence), expected);
    }

    #[test]
    fn a_table_is_made_once() {
        let directory = std::env::temp_dir().join(format!("slenc-rc-{}", std::process::id()));
        let sequence = sequence();
        let mut steps = 0;
        let made = table(&directory, "test", &sequence, |_, _| steps += 1);
        assert!(steps > 0);
        let loaded = table(&directory, "test", &sequence, |_, _| {
            unreachable!("it is kept")
        });
        assert!(made.is_ok() && made == loaded);

        // Other pictures are another table, and a broken file is no table.
        let mut other = sequence.clone();
        other.pictures[7][0] ^= 1;
        let mut steps_of_other = 0;
        assert!(table(&directory, "test", &other, |_, _| steps_of_other += 1).is_ok());
        assert_eq!(steps_of_other, steps);
        let files = fs::read_dir(&directory).expect("it was made");
        for file in files {
            fs::write(file.expect("an entry").path(), "{").expect("it can be written");
        }
        assert!(table(&directory, "test", &sequence, |_, _| ()) == made);
        fs::remove_dir_all(directory).expect("it was made");
    }
}
