// SPDX-License-Identifier: GPL-2.0

//! Every set of kernels gives what the portable one gives.

use super::*;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    /// Samples that are smooth, noisy or extreme.
    fn samples<const N: usize>(&mut self) -> [u8; N] {
        let (base, spread, extreme) = (self.next(), self.below(40) + 1, self.below(4) == 0);
        std::array::from_fn(|_| {
            if extreme {
                (self.below(2) * 255) as u8
            } else {
                (base % 216 + self.below(spread)) as u8
            }
        })
    }

    fn edge(&mut self) -> Edge {
        let strong = self.below(3) == 0;
        Edge {
            alpha: self.below(256) as u8,
            beta: self.below(19) as u8,
            tc0: std::array::from_fn(|_| {
                (strong || self.below(3) > 0).then(|| self.below(26) as u8)
            }),
            strong,
        }
    }
}

fn sets() -> Vec<&'static Kernels> {
    avx2::detect().into_iter().collect()
}

fn for_all(mut check: impl FnMut(&Kernels, &Kernels, &mut Random)) {
    for set in sets() {
        let mut random = Random(0x1234_5678_9abc_def1);
        for _ in 0..2000 {
            check(set, portable(), &mut random);
        }
    }
}

#[test]
fn metrics() {
    for_all(|set, portable, random| {
        let (a, b) = (random.samples(), random.samples());
        assert_eq!((set.sad)(&a, &b), (portable.sad)(&a, &b));
        for (width, height) in [(16, 16), (16, 8), (8, 16), (8, 8)] {
            assert_eq!(
                (set.satd)(&a, &b, width, height),
                (portable.satd)(&a, &b, width, height)
            );
        }
        let plane: [u8; 640] = random.samples();
        let stride = 16 + random.below(24) as usize;
        assert_eq!(
            (set.sad_plane)(&a, &plane, stride),
            (portable.sad_plane)(&a, &plane, stride)
        );
        let (a, b) = (random.samples(), random.samples());
        assert_eq!((set.satd_chroma)(&a, &b), (portable.satd_chroma)(&a, &b));
        let source = random.samples();
        let modes = std::array::from_fn(|_| random.samples());
        assert_eq!(
            (set.satd_modes)(&source, &modes),
            (portable.satd_modes)(&source, &modes)
        );
    });
}

#[test]
fn transforms() {
    for_all(|set, portable, random| {
        let (qp, rounding) = (random.below(52) as u8, random.below(32));
        let quantiser = Quantiser::new(qp, [rounding; 3]);

        let (source, prediction): ([u8; 256], [u8; 256]) = (random.samples(), random.samples());
        let run = |set: &Kernels| {
            let mut blocks = [[0; 16]; 16];
            (set.forward_luma)(&source, &prediction, &mut blocks);
            let coefficients = blocks;
            let mask = (set.quantise)(&mut blocks, &quantiser);
            let scaled = blocks.map(|block| quantiser.scale(&block));
            let mut recon = prediction;
            (set.add_luma)(&scaled, mask & 0xffff, &mut recon);
            let ordered = blocks.map(|block| (set.zigzag)(&block));
            (coefficients, blocks, mask, ordered, recon)
        };
        assert_eq!(run(set), run(portable));

        let (source, prediction): ([u8; 128], [u8; 128]) = (random.samples(), random.samples());
        let run = |set: &Kernels| {
            let mut blocks = [[0; 16]; 8];
            (set.forward_chroma)(&source, &prediction, &mut blocks);
            let coefficients = blocks;
            let mask = (set.quantise)(&mut blocks, &quantiser);
            let scaled = blocks.map(|block| quantiser.scale(&block));
            let mut recon = prediction;
            (set.add_chroma)(&scaled, mask & 0xff, &mut recon);
            (coefficients, blocks, mask, recon)
        };
        assert_eq!(run(set), run(portable));
    });
}

#[test]
fn transforms_of_8x8_blocks() {
    for_all(|set, portable, random| {
        let quantiser = Quantiser8::new(random.below(52) as u8, random.below(32));
        let (source, prediction): ([u8; 64], [u8; 64]) = (random.samples(), random.samples());
        let stride = 8 + random.below(20) as usize;
        let plane: [u8; 256] = random.samples();
        let run = |set: &Kernels| {
            let mut block = [0; 64];
            (set.forward_8x8)(&source, &prediction, &mut block);
            let coefficients = block;
            let any = (set.quantise_8x8)(&mut block, &quantiser);
            let mut recon = plane;
            (set.add_8x8)(&quantiser.scale(&block), &mut recon, stride);
            (coefficients, block, any, (set.zigzag_8x8)(&block), recon)
        };
        assert_eq!(run(set), run(portable));
        let (a, b) = (random.samples(), random.samples());
        assert_eq!((set.sa8d)(&a, &b), (portable.sa8d)(&a, &b));
        let modes = std::array::from_fn(|_| random.samples());
        assert_eq!(
            (set.sa8d_modes)(&source, &modes),
            (portable.sa8d_modes)(&source, &modes)
        );
    });
}

#[test]
fn interpolation() {
    for_all(|set, portable, random| {
        let planes: [[u8; 640]; 2] = [random.samples(), random.samples()];
        let stride = 18 + random.below(16) as usize;
        let [width, height] = [0, 1].map(|_| 8 << random.below(2));
        let run = |set: &Kernels| {
            let mut to = [7; 256];
            let from = [&planes[0][..], &planes[1][..]];
            (set.average)(from, stride, &mut to, width, height);
            to
        };
        assert_eq!(run(set), run(portable));
        let fraction = [0, 1].map(|_| random.below(8) as u8);
        let run = |set: &Kernels| {
            let mut to = [7; 128];
            (set.chroma)(&planes[0], stride, fraction, &mut to, width / 2, height / 2);
            to
        };
        assert_eq!(run(set), run(portable));

        let lines: [[u8; 85]; 6] = std::array::from_fn(|_| random.samples());
        let length = 1 + random.below(80) as usize;
        let run = |set: &Kernels| {
            let mut to = [[7; 80]; 3];
            let [a, b, c] = &mut to;
            let to_lines = [a, b, c].map(|line| &mut line[..length]);
            let mut scratch = [0; 85];
            (set.half_samples)(lines.each_ref().map(|l| &l[..]), to_lines, &mut scratch);
            to
        };
        assert_eq!(run(set), run(portable));
    });
}

#[test]
fn deblocking() {
    for_all(|set, portable, random| {
        let edge = random.edge();
        let smooth: [u8; 640] = random.samples();
        let stride = 16 + random.below(20) as usize;
        type Vertical = fn(&mut [u8], usize, &Edge);
        type Horizontal = fn(&mut [u8], &mut [u8], usize, &Edge);
        let vertical = |filter: Vertical| {
            let mut plane = smooth;
            filter(&mut plane, stride, &edge);
            plane
        };
        assert_eq!(
            vertical(set.luma_vertical),
            vertical(portable.luma_vertical)
        );
        assert_eq!(
            vertical(set.chroma_vertical),
            vertical(portable.chroma_vertical)
        );
        let horizontal = |filter: Horizontal| {
            let mut plane = smooth;
            let (p, q) = plane.split_at_mut(4 * stride);
            filter(p, q, stride, &edge);
            plane
        };
        assert_eq!(
            horizontal(set.luma_horizontal),
            horizontal(portable.luma_horizontal)
        );
        assert_eq!(
            horizontal(set.chroma_horizontal),
            horizontal(portable.chroma_horizontal)
        );
    });
}
