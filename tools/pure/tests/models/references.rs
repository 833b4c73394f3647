// SPDX-License-Identifier: GPL-2.0

//! Whatever an application wants of references: a decoder that reads the headers has the same ones
//! as the encoder, in the same lists.

use crate::{
    decoder::{Decoder, Header, Id},
    random::Random,
};
use slenc_pure::slenc::{
    dpb::{Asked, Dpb, MAX_DPB_FRAMES},
    encode_references::{EncodeReferences, Mark},
    params::{EncodeParams, Pps, Sps, SLICE_TYPE_I, SLICE_TYPE_P},
    units::{Unit, Units},
};
use std::collections::BTreeMap;

/// Names that pictures have: few, so that they are given again.
const NAMES: u64 = 9;

fn random_params(random: &mut Random) -> EncodeParams {
    let slice_type = match random.below(8) {
        0 => SLICE_TYPE_I,
        1 => random.below(5) as u8,
        _ => SLICE_TYPE_P,
    };
    let highest = if random.one_in(20) { 6 } else { 3 };
    EncodeParams {
        nal_ref_idc: random.below(highest) as u8,
        slice_type,
        idr_pic_id: random.below(3) as u16,
        pic_order_cnt_lsb: random.edgy_u32() as u16,
        frame_num: random.next() as u16,
        num_ref_idx_l0_active_minus1: random.below(4) as u8,
        flags: random.next() as u32
            & 0x7f
            & if slice_type == SLICE_TYPE_I && random.one_in(2) {
                !0
            } else {
                !1
            },
        ..EncodeParams::DEFAULT
    }
}

fn random_references(random: &mut Random, live: &[u64], max_list0: u8) -> EncodeReferences {
    let mut wanted = EncodeReferences::DEFAULT;
    if random.one_in(3) {
        return wanted;
    }
    // Mostly names that mean something.
    let name = |random: &mut Random| match live.get(random.below(live.len() as u64 + 1) as usize) {
        Some(name) if !random.one_in(15) => *name,
        _ => random.below(NAMES + 1),
    };
    if random.one_in(2) {
        wanted.flags |= EncodeReferences::EXPLICIT;
        let most = u64::from(max_list0) + u64::from(random.one_in(10));
        for _ in 0..random.below(most) + u64::from(!random.one_in(20)) {
            let name = name(random);
            let used = &wanted.list0[..usize::from(wanted.num_list0)];
            if !used.contains(&name) {
                wanted.list0[usize::from(wanted.num_list0)] = name;
                wanted.num_list0 += 1;
            }
        }
    }
    if random.one_in(3) {
        wanted.flags |= EncodeReferences::SUBSTITUTE;
    }
    if random.one_in(5) {
        wanted.flags |= EncodeReferences::LONG_TERM;
        wanted.long_term_frame_idx = random.below(4) as u8;
    }
    if random.one_in(4) {
        for mark in wanted.marks.iter_mut().take(random.below(2) as usize + 1) {
            *mark = Mark {
                timestamp: name(random),
                operation: random.below(2) as u8 + 1,
                long_term_frame_idx: random.below(4) as u8,
                ..Mark::NONE
            };
            wanted.num_marks += 1;
        }
    }
    wanted
}

/// The state of a stream as an application and a decoder know it.
#[derive(Default)]
struct Stream {
    decoder: Decoder,
    /// The newest reference of each name.
    names: BTreeMap<u64, Id>,
    started: bool,
}

impl Stream {
    fn find(&self, name: u64) -> Option<Id> {
        let id = *self.names.get(&name)?;
        self.decoder.references().contains(&id).then_some(id)
    }

    /// The reference that was coded last: pictures are numbered in this order.
    fn newest(&self) -> Option<Id> {
        self.decoder.references().into_iter().max()
    }

    fn live_names(&self) -> Vec<u64> {
        (0..NAMES)
            .filter(|name| self.find(*name).is_some())
            .collect()
    }

    /// The list that the application named, unless the picture has to fail.
    fn named(&self, wanted: &EncodeReferences, max_list0: u8) -> Option<Vec<Id>> {
        let mut list = Vec::new();
        let names = wanted.list0()?;
        if names.len() > usize::from(max_list0) {
            return None;
        }
        for name in names {
            let id = match self.find(*name) {
                Some(id) => id,
                None if wanted.may_substitute() => self.newest()?,
                None => return None,
            };
            if !list.contains(&id) {
                list.push(id);
            }
        }
        (!list.is_empty()).then_some(list)
    }

    /// What is left of the references after the marks: none if the picture has to fail.
    fn marked(&self, wanted: &EncodeReferences, frames: u8) -> Option<Vec<(Id, Option<i64>)>> {
        let mut left: Vec<(Id, Option<i64>)> = self
            .decoder
            .references()
            .into_iter()
            .map(|id| (id, self.decoder.long_term_index(id)))
            .collect();
        let free = |left: &mut Vec<(Id, Option<i64>)>, index| left.retain(|r| r.1 != Some(index));
        let highest = wanted
            .marks()
            .iter()
            .filter_map(Mark::becomes_long_term)
            .chain(wanted.becomes_long_term())
            .max();
        if highest.is_some_and(|index| index >= frames) {
            return None;
        }
        for mark in wanted.marks() {
            let id = self.find(mark.timestamp)?;
            let place = left.iter().position(|r| r.0 == id)?;
            match (mark.becomes_long_term().map(i64::from), left[place].1) {
                (None, _) => {
                    left.remove(place);
                }
                (Some(_), Some(_)) => return None,
                (Some(index), None) => {
                    free(&mut left, index);
                    let place = left.iter().position(|r| r.0 == id)?;
                    left[place].1 = Some(index);
                }
            }
        }
        if let Some(index) = wanted.becomes_long_term() {
            free(&mut left, index.into());
        }
        if left.len() >= usize::from(frames.max(1)) {
            // The oldest short-term reference, by the order in which they were coded.
            let oldest = left.iter().filter(|r| r.1.is_none()).map(|r| r.0).min()?;
            left.retain(|r| r.0 != oldest);
        }
        Some(left)
    }
}

/// What the pictures of a run came to.
#[derive(Debug, Default)]
struct Counts {
    coded: usize,
    refused: usize,
    named: usize,
    modified: usize,
    adaptive: usize,
    long_term: usize,
}

fn run(random: &mut Random, counts: &mut Counts) {
    let max_list0 = random.below(4) as u8 + 1;
    let mut dpb = Dpb::new();
    let mut stream = Stream::default();
    let mut slots: BTreeMap<u8, Id> = BTreeMap::new();
    let mut active = Sps::DEFAULT;
    let capacity = random.below(MAX_DPB_FRAMES as u64) as u8 + 1;
    for id in 0..300 {
        if random.one_in(100) {
            dpb.clear();
            stream.decoder.clear();
            stream.names.clear();
            stream.started = false;
        }
        let params = random_params(random);
        let wanted = random_references(random, &stream.live_names(), max_list0);
        let sps = Sps {
            log2_max_frame_num_minus4: random.below(2) as u8,
            pic_order_cnt_type: random.below(2) as u8 * 2,
            log2_max_pic_order_cnt_lsb_minus4: random.below(3) as u8,
            max_num_ref_frames: if random.one_in(4) {
                capacity.min(random.below(5) as u8)
            } else {
                capacity
            },
            ..Sps::DEFAULT
        };
        let pps = Pps {
            num_ref_idx_l0_default_active_minus1: random.below(4) as u8,
            ..Pps::DEFAULT
        };
        let timestamp = random.below(NAMES);
        let asked = Asked {
            params: &params,
            references: &wanted,
            sps: &sps,
            pps: &pps,
            timestamp,
            max_list0,
        };
        let starts = dpb.starts_sequence(&params);
        let in_use = if starts { sps } else { active };
        let frames = in_use.max_num_ref_frames;
        let is_reference = starts || params.nal_ref_idc != 0;
        let is_p = params.slice_type == SLICE_TYPE_P;

        // Whether what is wanted of references can be.
        let named = stream.named(&wanted, max_list0);
        let marked = stream.marked(&wanted, frames);
        let long_term_idr =
            params.normalized().is_long_term_reference() || wanted.becomes_long_term().is_some();
        let nothing_marked = wanted.marks().is_empty() && wanted.becomes_long_term().is_none();
        let possible = if starts {
            (!long_term_idr || frames > 0)
                && wanted.marks().is_empty()
                && wanted.becomes_long_term().is_none_or(|index| index == 0)
        } else {
            let has_list = wanted.list0().is_none() || named.is_some();
            let has_references = frames > 0 && !stream.decoder.references().is_empty();
            (!is_p || (has_references && has_list))
                && if is_reference {
                    marked.is_some()
                } else {
                    nothing_marked
                }
        };

        let plan = match dpb.plan(&asked) {
            Ok(plan) => {
                assert!(
                    possible && (starts || stream.started),
                    "{wanted:?} {stream:?}",
                    stream = stream.decoder
                );
                plan
            }
            Err(invalid) => {
                counts.refused += 1;
                let else_wrong = params.validate().is_err()
                    || params.nal_ref_idc > 3
                    || ![SLICE_TYPE_I, SLICE_TYPE_P].contains(&params.slice_type)
                    || !(starts || stream.started)
                    || ["pic_order_cnt_lsb", "nal_ref_idc"].contains(&invalid.0);
                assert!(!possible || else_wrong, "{invalid:?} of {wanted:?}");
                continue;
            }
        };
        if let Some(slot) = plan.reconstruction {
            assert!(usize::from(slot) < Dpb::slots(capacity));
        }
        assert_eq!(plan.reconstruction.is_some(), is_reference);
        let (mut bytes, mut entries) = ([0; 512], [Unit::EMPTY; 1]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        units
            .push_slices(&in_use, &pps, &plan.picture, 26, u16::MAX)
            .unwrap();
        if random.one_in(6) {
            // It fails, and nobody gets to see it.
            continue;
        }
        dpb.commit(&plan).unwrap();
        counts.coded += 1;

        let header = Header::read(units.bytes(), &in_use, &pps);
        assert_eq!(header.bits, units.units()[0].bits);
        assert_eq!((header.idr, header.is_p), (starts, is_p));
        counts.modified += usize::from(!plan.picture.modifications.is_empty());
        counts.adaptive += usize::from(header.adaptive);
        let newest = stream.newest();
        let list = stream.decoder.decode(&header, &in_use, id);
        let planned: Vec<Id> = plan.list0.iter().map(|slot| slots[&slot]).collect();
        assert_eq!(list, planned);
        if let (true, Some(named)) = (is_p, named) {
            counts.named += 1;
            assert_eq!(list, named);
        } else if is_p {
            assert_eq!(list.first().copied(), newest);
        }

        active = in_use;
        stream.started = true;
        if starts {
            stream.names.clear();
        }
        let mut live = stream.decoder.references();
        live.sort_unstable();
        if is_reference {
            slots.insert(plan.reconstruction.unwrap(), id);
            stream.names.insert(timestamp, id);
            if let (false, Some(marked)) = (starts, marked) {
                // What the application wants, and the picture, unless a number was used up.
                let mut wanted: Vec<Id> = marked.iter().map(|r| r.0).chain([id]).collect();
                wanted.sort_unstable();
                if live != wanted {
                    assert!(header.adaptive && live.len() + 1 == wanted.len());
                    wanted.retain(|id| live.contains(id));
                    assert_eq!(live, wanted);
                }
                for (id, index) in marked.into_iter().filter(|r| live.contains(&r.0)) {
                    assert_eq!(stream.decoder.long_term_index(id), index);
                }
            }
        }
        counts.long_term += usize::from(
            live.iter()
                .any(|id| stream.decoder.long_term_index(*id).is_some()),
        );
        // Encoder and decoder have the same.
        let mut held: Vec<Id> = dpb.references().map(|r| slots[&r.slot]).collect();
        held.sort_unstable();
        assert_eq!(held, live);
        for name in 0..NAMES {
            assert_eq!(dpb.find(name).map(|slot| slots[&slot]), stream.find(name));
        }
    }
}

#[test]
fn a_decoder_has_the_references_of_the_encoder() {
    let mut random = Random::new(3);
    let mut counts = Counts::default();
    for _ in 0..600 {
        run(&mut random, &mut counts);
    }
    // All of it happens.
    assert!(counts.coded > 50_000, "{counts:?}");
    assert!(counts.refused > 10_000, "{counts:?}");
    assert!(counts.named > 10_000, "{counts:?}");
    assert!(counts.modified > 5_000, "{counts:?}");
    assert!(counts.adaptive > 5_000, "{counts:?}");
    assert!(counts.long_term > 10_000, "{counts:?}");
}
