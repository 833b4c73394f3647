// SPDX-License-Identifier: GPL-2.0

//! The deblocking filter, ITU-T H.264 clause 8.7.

use crate::macroblock::MbInfo;
use crate::quant::chroma_qp;
use crate::simd::Kernels;
use crate::Deblocking;

/// alpha by indexA, Table 8-16.
static ALPHA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 20,
    22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226,
    255, 255,
];

/// beta by indexB, Table 8-16.
static BETA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 6, 6, 7, 7, 8, 8,
    9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18,
];

/// tC0 of bS 1, 2 and 3 by indexA from 17 on, Table 8-17.
static TC0: [[u8; 3]; 35] = [
    [0, 0, 1],
    [0, 0, 1],
    [0, 0, 1],
    [0, 0, 1],
    [0, 1, 1],
    [0, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 2],
    [1, 1, 2],
    [1, 1, 2],
    [1, 1, 2],
    [1, 2, 3],
    [1, 2, 3],
    [2, 2, 3],
    [2, 2, 4],
    [2, 3, 4],
    [2, 3, 4],
    [3, 3, 5],
    [3, 4, 6],
    [3, 4, 6],
    [4, 5, 7],
    [4, 5, 8],
    [4, 6, 9],
    [5, 7, 10],
    [6, 8, 11],
    [6, 8, 13],
    [7, 10, 14],
    [8, 11, 16],
    [9, 12, 18],
    [10, 13, 20],
    [11, 15, 23],
    [13, 17, 25],
];

/// How an edge of a macroblock is filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Threshold of the step across the edge.
    pub(crate) alpha: u8,
    /// Threshold of the steps beside the edge.
    pub(crate) beta: u8,
    /// tC0 of each quarter of the edge; `None` where bS is 0.
    pub(crate) tc0: [Option<u8>; 4],
    /// bS is 4 all along; `tc0` is not used then.
    pub(crate) strong: bool,
}

/// The filter of a picture.
pub(crate) struct Deblocker<'a> {
    pub(crate) parameters: Deblocking,
    /// Offsets of the QP of Cb and of Cr.
    pub(crate) chroma_offsets: [i8; 2],
    pub(crate) kernels: &'a Kernels,
    pub(crate) width_mbs: usize,
}

/// A row of macroblocks in the reconstruction.
pub(crate) struct Row<'a> {
    pub(crate) luma: &'a mut [u8],
    pub(crate) chroma: &'a mut [u8],
    pub(crate) infos: Vec<MbInfo>,
}

impl Deblocker<'_> {
    /// Filters a row; `above` is the one above if the edge between them is filtered.
    pub(crate) fn filter_row(&self, row: &mut Row<'_>, above: Option<&mut Row<'_>>) {
        let stride = 16 * self.width_mbs;
        let (above_infos, mut above) = match above {
            Some(above) => (
                Some(&above.infos),
                Some((&mut *above.luma, &mut *above.chroma)),
            ),
            None => (None, None),
        };
        for x in 0..self.width_mbs {
            let info = &row.infos[x];
            for edge in 0..4 {
                let other = match (edge, x) {
                    (0, 0) => continue,
                    (0, _) => &row.infos[x - 1],
                    (1 | 3, _) if info.transform_8x8 => continue,
                    _ => info,
                };
                let bs = strengths(info, other, edge, |i| {
                    (4 * i + edge, (edge + 3) % 4 + 4 * i)
                });
                let Some(bs) = bs else { continue };
                if let Some(edge_of) = self.edge(info.qp, other.qp, bs) {
                    let at = 16 * x + 4 * edge;
                    (self.kernels.luma_vertical)(&mut row.luma[at.max(4) - 4..], stride, &edge_of);
                }
                if edge % 2 == 0 {
                    let edges = self.chroma_edges(info, other, bs);
                    let at = 16 * x + 4 * edge;
                    self.chroma_vertical(&mut row.chroma[at.max(4) - 4..], stride, edges);
                }
            }
            for edge in 0..4 {
                let other = match (edge, above_infos) {
                    (0, None) => continue,
                    (0, Some(above)) => &above[x],
                    (1 | 3, _) if info.transform_8x8 => continue,
                    _ => info,
                };
                let bs = strengths(info, other, edge, |i| {
                    (4 * edge + i, (edge + 3) % 4 * 4 + i)
                });
                let Some(bs) = bs else { continue };
                if let Some(edge_of) = self.edge(info.qp, other.qp, bs) {
                    let (p, q) = match (edge, &mut above) {
                        (0, Some((above, _))) => (&mut above[12 * stride..], &mut *row.luma),
                        _ => {
                            let (p, q) = row.luma.split_at_mut(4 * edge * stride);
                            (&mut p[(4 * edge - 4) * stride..], q)
                        }
                    };
                    let (p, q) = (&mut p[16 * x..], &mut q[16 * x..]);
                    (self.kernels.luma_horizontal)(p, q, stride, &edge_of);
                }
                if edge % 2 == 0 {
                    let edges = self.chroma_edges(info, other, bs);
                    let (p, q) = match (edge, &mut above) {
                        (0, Some((_, above))) => (&mut above[6 * stride..], &mut *row.chroma),
                        _ => {
                            let (p, q) = row.chroma.split_at_mut(2 * edge * stride);
                            (&mut p[(2 * edge - 2) * stride..], q)
                        }
                    };
                    let (p, q) = (&mut p[16 * x..], &mut q[16 * x..]);
                    self.chroma_horizontal(p, q, stride, edges);
                }
            }
        }
    }

    /// The filters of an edge of Cb and of Cr.
    fn chroma_edges(&self, info: &MbInfo, other: &MbInfo, bs: [u8; 4]) -> [Option<Edge>; 2] {
        let edge = |offset| {
            let qp = |info: &MbInfo| chroma_qp(info.qp, offset);
            self.edge(qp(info), qp(other), bs)
        };
        let [cb, cr] = self.chroma_offsets;
        let first = edge(cb);
        [first, if cr == cb { first } else { edge(cr) }]
    }

    fn chroma_vertical(&self, plane: &mut [u8], stride: usize, [cb, cr]: [Option<Edge>; 2]) {
        let filter = self.kernels.chroma_vertical;
        if cb == cr {
            if let Some(edge) = cb {
                filter(plane, stride, &edge);
            }
            return;
        }
        // Cr is filtered in a copy.
        let mut copy = [0; 64];
        for (to, line) in copy.chunks_exact_mut(8).zip(plane.chunks(stride)) {
            to.copy_from_slice(&line[..8]);
        }
        if let Some(edge) = cb {
            filter(plane, stride, &edge);
        }
        if let Some(edge) = cr {
            filter(&mut copy, 8, &edge);
        }
        for (from, line) in copy.chunks_exact(8).zip(plane.chunks_mut(stride)) {
            replace_cr(&mut line[..8], from);
        }
    }

    fn chroma_horizontal(
        &self,
        p: &mut [u8],
        q: &mut [u8],
        stride: usize,
        [cb, cr]: [Option<Edge>; 2],
    ) {
        let filter = self.kernels.chroma_horizontal;
        if cb == cr {
            if let Some(edge) = cb {
                filter(p, q, stride, &edge);
            }
            return;
        }
        // Cr is filtered in a copy.
        let copy =
            |side: &[u8]| -> [u8; 32] { std::array::from_fn(|i| side[i / 16 * stride + i % 16]) };
        let (mut p_copy, mut q_copy) = (copy(p), copy(q));
        if let Some(edge) = cb {
            filter(p, q, stride, &edge);
        }
        if let Some(edge) = cr {
            filter(&mut p_copy, &mut q_copy, 16, &edge);
        }
        replace_cr(&mut p[stride..][..16], &p_copy[16..]);
        replace_cr(&mut q[..16], &q_copy[..16]);
    }

    /// The filter of an edge between two QPs; `None` when it changes nothing.
    fn edge(&self, qp: u8, other_qp: u8, bs: [u8; 4]) -> Option<Edge> {
        let average = (i32::from(qp) + i32::from(other_qp) + 1) >> 1;
        let index = |offset: i8| (average + 2 * i32::from(offset)).clamp(0, 51) as usize;
        let index_a = index(self.parameters.alpha_c0_offset_div2);
        let alpha = ALPHA[index_a];
        let beta = BETA[index(self.parameters.beta_offset_div2)];
        if alpha == 0 || beta == 0 {
            return None;
        }
        let tc0 = |bs: u8| match bs {
            0 => None,
            1..=3 => Some(match index_a.checked_sub(17) {
                Some(row) => TC0[row][usize::from(bs) - 1],
                None => 0,
            }),
            _ => Some(0),
        };
        Some(Edge {
            alpha,
            beta,
            tc0: bs.map(tc0),
            strong: bs[0] == 4,
        })
    }
}

/// Replaces Cr in a line of interleaved chroma.
fn replace_cr(line: &mut [u8], from: &[u8]) {
    for (to, from) in line.chunks_exact_mut(2).zip(from.chunks_exact(2)) {
        to[1] = from[1];
    }
}

/// bS along an edge, clause 8.7.2.1; `None` when it is 0 all along. `blocks` gives the blocks
/// on both sides of each quarter.
#[inline(always)]
fn strengths(
    info: &MbInfo,
    other: &MbInfo,
    edge: usize,
    blocks: impl Fn(usize) -> (usize, usize),
) -> Option<[u8; 4]> {
    if info.kind.is_intra() || other.kind.is_intra() {
        return Some([if edge == 0 { 4 } else { 3 }; 4]);
    }
    let quadrant = |block: usize| block / 8 * 2 + block % 4 / 2;
    let bs: [u8; 4] = std::array::from_fn(|i| {
        let (q, p) = blocks(i);
        if (info.nonzero >> q) & 1 != 0 || (other.nonzero >> p) & 1 != 0 {
            return 2;
        }
        let (q, p) = (quadrant(q), quadrant(p));
        // No picture is in the list twice: other indices are other pictures.
        if info.refs[q] != other.refs[p] {
            return 1;
        }
        let (q, p) = (info.mv[q], other.mv[p]);
        u8::from(q.x.abs_diff(p.x) >= 4 || q.y.abs_diff(p.y) >= 4)
    });
    (bs != [0; 4]).then_some(bs)
}
