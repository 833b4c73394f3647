// SPDX-License-Identifier: GPL-2.0

//! Screen content: pages of text that rest, scroll, are repainted, and a cursor that blinks.

use super::Sequence;
use crate::random::Random;

const WIDTH: usize = 320;
const HEIGHT: usize = 176;
const RATE: u64 = 30;
/// A glyph's cell in samples.
const CELL: (usize, usize) = (8, 16);
/// Seconds a page rests, scrolls, and rests again, then the next is painted.
const REST: u64 = 1;
const SCROLL: u64 = 2;
/// Samples a frame while it scrolls.
const SPEED: usize = 2;
const PAGES: usize = 3;
/// Frames between two states of the cursor.
const BLINK: usize = 16;

/// One line of a glyph a byte.
type Glyph = [u8; CELL.1];

/// Glyphs of strokes: not letters, but as sparse and as sharp.
fn alphabet(random: &mut Random) -> Vec<Glyph> {
    (0..64)
        .map(|_| {
            let mut glyph = [0; CELL.1];
            for _ in 0..3 {
                let (x, y) = (1 + random.below(5), 3 + random.below(5) as usize);
                if random.below(2) == 0 {
                    let bits = 0x3cu8 >> random.below(2);
                    glyph[y + random.below(4) as usize] |= bits;
                } else {
                    glyph[y..y + 6].iter_mut().for_each(|line| *line |= 1 << x);
                }
            }
            glyph
        })
        .collect()
}

/// A page twice as high as the picture: indices of glyphs, `None` for a space.
fn page(random: &mut Random) -> Vec<Vec<Option<usize>>> {
    let columns = WIDTH / CELL.0;
    (0..2 * HEIGHT / CELL.1)
        .map(|_| {
            let indent = 2 + 4 * random.below(4) as usize;
            let end = (indent + 10 + random.below(30) as usize).min(columns - 2);
            (0..columns)
                .map(|x| {
                    let blank = x < indent || x >= end || random.below(6) == 0;
                    (!blank).then(|| random.below(64) as usize)
                })
                .collect()
        })
        .collect()
}

fn paint(page: &[Vec<Option<usize>>], glyphs: &[Glyph], scroll: usize, cursor: bool) -> Vec<u8> {
    let luma = (0..WIDTH * HEIGHT).map(|i| {
        let (x, y) = (i % WIDTH, i / WIDTH + scroll);
        let (row, line) = (y / CELL.1 % page.len(), y % CELL.1);
        let ink = page[row][x / CELL.0]
            .is_some_and(|glyph| (glyphs[glyph][line] >> (7 - x % CELL.0)) & 1 == 1);
        let in_cursor = i / WIDTH / CELL.1 == 8 && x / CELL.0 == 1;
        if ink || (cursor && in_cursor) {
            30
        } else {
            235
        }
    });
    luma.chain(std::iter::repeat_n(128, WIDTH * HEIGHT / 2))
        .collect()
}

/// All pages in turn.
pub(super) fn sequence() -> Sequence {
    let mut random = Random::new(3);
    let glyphs = alphabet(&mut random);
    let (rest, scroll) = ((REST * RATE) as usize, (SCROLL * RATE) as usize);
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    let mut cuts = Vec::new();
    for _ in 0..PAGES {
        let page = page(&mut random);
        for n in 0..2 * rest + scroll {
            let offset = n.saturating_sub(rest).min(scroll) * SPEED;
            let cursor = n / BLINK % 2 == 1;
            pictures.push(paint(&page, &glyphs, offset, cursor));
            cuts.push(n == 0);
        }
    }
    Sequence {
        width: WIDTH,
        height: HEIGHT,
        rate: (RATE, 1),
        order: (0..pictures.len()).collect(),
        pictures,
        cuts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_scrolls_and_is_repainted() {
        let sequence = sequence();
        let luma = |n: usize| &sequence.pictures[n][..WIDTH * HEIGHT];
        assert_eq!(luma(0), luma(1));
        // Scrolled by SPEED lines.
        assert_eq!(
            luma(50)[..WIDTH * 100],
            luma(49)[SPEED * WIDTH..][..WIDTH * 100]
        );
        assert_eq!(sequence.cuts.iter().filter(|&&cut| cut).count(), PAGES);
        let changed = luma(119).iter().zip(luma(120)).filter(|(a, b)| a != b);
        assert!(changed.count() > WIDTH * HEIGHT / 50);
        let ink = luma(0).iter().filter(|&&sample| sample == 30).count();
        assert!(
            (WIDTH * HEIGHT / 50..WIDTH * HEIGHT / 5).contains(&ink),
            "{ink}"
        );
    }
}
