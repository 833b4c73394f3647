// SPDX-License-Identifier: GPL-2.0

//! Reference pictures as a decoder keeps them, for streams of frames: clauses
//! 8.2.4 and 8.2.5.

use super::{
    bits::{
        Malformed,
        Result, //
    },
    parameter_sets::Sps,
    slice::{
        Marking,
        Modification,
        Operation,
        Slice, //
    },
};

/// A reference picture, under the name that the encoder's client gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    name: u64,
    frame_num: i64,
    /// LongTermFrameIdx of a long-term reference.
    long_term: Option<u32>,
}

/// The reference pictures of a stream.
#[derive(Debug, Clone, Default)]
pub struct References {
    pictures: Vec<Reference>,
    /// MaxLongTermFrameIdx + 1.
    long_terms: u32,
}

impl References {
    /// The names of the short-term references, newest first.
    pub fn short_term(&self, frame_num: u32, sps: &Sps) -> Vec<u64> {
        let mut pictures: Vec<_> = self.short_terms(i64::from(frame_num), sps).collect();
        pictures.sort_by_key(|&(num, _)| -num);
        pictures.into_iter().map(|(_, name)| name).collect()
    }

    /// LongTermFrameIdx and name of the long-term references, by index.
    pub fn long_term(&self) -> Vec<(u32, u64)> {
        let mut pictures: Vec<_> = self
            .pictures
            .iter()
            .filter_map(|picture| Some((picture.long_term?, picture.name)))
            .collect();
        pictures.sort();
        pictures
    }

    /// PicNum and name of the short-term references, where the picture has
    /// `frame_num`: clause 8.2.4.1.
    fn short_terms<'a>(
        &'a self,
        frame_num: i64,
        sps: &'a Sps,
    ) -> impl Iterator<Item = (i64, u64)> + 'a {
        self.pictures
            .iter()
            .filter(|picture| picture.long_term.is_none())
            .map(move |picture| {
                let wrapped = picture.frame_num > frame_num;
                let wrap = if wrapped { sps.max_frame_num() } else { 0 };
                (picture.frame_num - wrap, picture.name)
            })
    }

    /// The names in RefPicList0 of a P slice: clauses 8.2.4.2.1 and 8.2.4.3.
    pub fn list0(&self, slice: &Slice, sps: &Sps) -> Result<Vec<u64>> {
        let frame_num = i64::from(slice.frame_num);
        let length = slice.num_ref_idx_l0_active as usize;
        let mut list = self.short_term(slice.frame_num, sps);
        list.extend(self.long_term().into_iter().map(|(_, name)| name));
        let available = list.len();
        list.truncate(length);

        let max = sps.max_frame_num();
        let mut predicted = frame_num;
        for (at, modification) in slice.modifications.iter().enumerate() {
            let name = match *modification {
                Modification::PicNum(step) => {
                    predicted = (predicted + step).rem_euclid(max);
                    let num = if predicted > frame_num {
                        predicted - max
                    } else {
                        predicted
                    };
                    self.short_terms(frame_num, sps)
                        .find(|&(other, _)| other == num)
                        .map(|(_, name)| name)
                        .ok_or_else(|| {
                            Malformed(format!(
                                "RefPicList0 has PicNum {num}, which no short-term reference has"
                            ))
                        })?
                }
                Modification::LongTermPicNum(num) => self
                    .find_long_term(num)
                    .map(|picture| picture.name)
                    .ok_or_else(|| {
                        Malformed(format!(
                            "RefPicList0 has LongTermPicNum {num}, which no reference has"
                        ))
                    })?,
            };
            if at >= length {
                return Err(Malformed::new(
                    "there are more modifications of RefPicList0 than entries",
                ));
            }
            list.insert(at, name);
            // What was there before moves on, and is once in the list.
            let mut index = 0;
            list.retain(|&other| {
                index += 1;
                index - 1 <= at || other != name
            });
            list.truncate(length);
        }
        if list.len() < length {
            return Err(Malformed(format!(
                "RefPicList0 has {length} entries, and there are {available} references"
            )));
        }
        Ok(list)
    }

    fn find_long_term(&self, index: u32) -> Option<&Reference> {
        self.pictures
            .iter()
            .find(|picture| picture.long_term == Some(index))
    }

    /// Removes the short-term reference whose PicNum is `difference` less than that of
    /// the picture, and returns it.
    fn take_short_term(&mut self, difference: i64, frame_num: i64, sps: &Sps) -> Result<Reference> {
        let wanted = frame_num - difference;
        let wrap = sps.max_frame_num();
        let num = |picture: &Reference| {
            if picture.frame_num > frame_num {
                picture.frame_num - wrap
            } else {
                picture.frame_num
            }
        };
        let at = self
            .pictures
            .iter()
            .position(|picture| picture.long_term.is_none() && num(picture) == wanted)
            .ok_or_else(|| {
                Malformed(format!(
                    "an operation names PicNum {wanted}, which no short-term reference has"
                ))
            })?;
        Ok(self.pictures.remove(at))
    }

    fn remove_long_term(&mut self, index: u32) {
        self.pictures
            .retain(|picture| picture.long_term != Some(index));
    }

    fn check_index(&self, index: u32) -> Result<()> {
        if index < self.long_terms {
            return Ok(());
        }
        Err(Malformed(format!(
            "long_term_frame_idx is {index}, and there are {} indices",
            self.long_terms
        )))
    }

    /// Marks references after a picture was coded: clause 8.2.5.
    pub fn mark(&mut self, slice: &Slice, sps: &Sps, name: u64) -> Result<()> {
        let frame_num = i64::from(slice.frame_num);
        let mut current = Reference {
            name,
            frame_num,
            long_term: None,
        };
        match &slice.marking {
            Marking::None => return Ok(()),
            Marking::Idr { long_term, .. } => {
                *self = Self::default();
                if *long_term {
                    self.long_terms = 1;
                    current.long_term = Some(0);
                }
            }
            Marking::SlidingWindow => self.slide(frame_num, sps)?,
            Marking::Adaptive(operations) => {
                for operation in operations {
                    self.carry_out(operation, &mut current, sps)?;
                }
            }
        }
        self.pictures.push(current);
        let limit = usize::from(sps.max_num_ref_frames.max(1));
        if self.pictures.len() > limit {
            return Err(Malformed(format!(
                "there are {} references, and max_num_ref_frames is {}",
                self.pictures.len(),
                sps.max_num_ref_frames
            )));
        }
        Ok(())
    }

    /// Clause 8.2.5.3.
    fn slide(&mut self, frame_num: i64, sps: &Sps) -> Result<()> {
        if self.pictures.len() < usize::from(sps.max_num_ref_frames.max(1)) {
            return Ok(());
        }
        let oldest = self
            .short_terms(frame_num, sps)
            .map(|(num, _)| num)
            .min()
            .ok_or_else(|| {
                Malformed::new("the window has long-term references only, and cannot slide")
            })?;
        self.take_short_term(frame_num - oldest, frame_num, sps)?;
        Ok(())
    }

    /// Clause 8.2.5.4.
    fn carry_out(
        &mut self,
        operation: &Operation,
        current: &mut Reference,
        sps: &Sps,
    ) -> Result<()> {
        match *operation {
            Operation::UnusedShortTerm(difference) => {
                self.take_short_term(difference, current.frame_num, sps)?;
            }
            Operation::UnusedLongTerm(index) => {
                if self.find_long_term(index).is_none() {
                    return Err(Malformed(format!(
                        "an operation names LongTermPicNum {index}, which no reference has"
                    )));
                }
                self.remove_long_term(index);
            }
            Operation::AssignLongTerm(difference, index) => {
                self.check_index(index)?;
                let picture = self.take_short_term(difference, current.frame_num, sps)?;
                self.remove_long_term(index);
                self.pictures.push(Reference {
                    long_term: Some(index),
                    ..picture
                });
            }
            Operation::MaxLongTerm(count) => {
                if count > u32::from(sps.max_num_ref_frames) {
                    return Err(Malformed(format!(
                        "max_long_term_frame_idx_plus1 is {count}, above max_num_ref_frames"
                    )));
                }
                self.long_terms = count;
                self.pictures
                    .retain(|picture| picture.long_term.is_none_or(|index| index < count));
            }
            Operation::Reset => {
                *self = Self::default();
                current.frame_num = 0;
            }
            Operation::CurrentLongTerm(index) => {
                self.check_index(index)?;
                self.remove_long_term(index);
                current.long_term = Some(index);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::slice::P;

    fn sps(max_num_ref_frames: u8) -> Sps {
        Sps {
            max_num_ref_frames,
            ..Sps::default()
        }
    }

    fn p(frame_num: u32, marking: Marking) -> Slice {
        Slice {
            nal_ref_idc: u8::from(marking != Marking::None),
            idr: false,
            first_mb_in_slice: 0,
            slice_type: P,
            pic_parameter_set_id: 0,
            frame_num,
            field_pic: false,
            idr_pic_id: None,
            pic_order_cnt_lsb: None,
            num_ref_idx_l0_active: 1,
            modifications: Vec::new(),
            marking,
            cabac_init_idc: None,
            qp: 26,
            disable_deblocking_filter_idc: 0,
            alpha_c0_offset_div2: 0,
            beta_offset_div2: 0,
        }
    }

    fn idr(long_term: bool) -> Slice {
        p(
            0,
            Marking::Idr {
                no_output_of_prior_pics: false,
                long_term,
            },
        )
    }

    #[test]
    fn the_window_slides_over_the_wrap_of_frame_num() {
        let sps = sps(3);
        let mut references = References::default();
        references.mark(&idr(false), &sps, 0).unwrap();
        for n in 1..40u32 {
            let slice = p(n % 16, Marking::SlidingWindow);
            let newest = u64::from(n) - 1;
            assert_eq!(references.list0(&slice, &sps).unwrap(), [newest]);
            references.mark(&slice, &sps, n.into()).unwrap();
        }
        assert_eq!(references.short_term(8, &sps), [39, 38, 37]);
    }

    #[test]
    fn lists_are_modified() {
        let sps = sps(3);
        let mut references = References::default();
        references.mark(&idr(true), &sps, 100).unwrap();
        for n in [1, 2] {
            references
                .mark(&p(n, Marking::SlidingWindow), &sps, u64::from(n))
                .unwrap();
        }
        let mut slice = p(3, Marking::SlidingWindow);
        slice.num_ref_idx_l0_active = 3;
        assert_eq!(references.list0(&slice, &sps).unwrap(), [2, 1, 100]);
        slice.modifications = vec![Modification::LongTermPicNum(0), Modification::PicNum(-2)];
        assert_eq!(references.list0(&slice, &sps).unwrap(), [100, 1, 2]);
        slice.num_ref_idx_l0_active = 1;
        slice.modifications.truncate(1);
        assert_eq!(references.list0(&slice, &sps).unwrap(), [100]);
        slice.modifications = vec![Modification::PicNum(-3)];
        assert!(references.list0(&slice, &sps).is_err());
        slice.modifications = vec![Modification::LongTermPicNum(1)];
        assert!(references.list0(&slice, &sps).is_err());
    }

    #[test]
    fn operations_are_carried_out() {
        let sps = sps(3);
        let mut references = References::default();
        references.mark(&idr(false), &sps, 0).unwrap();
        let adaptive = |operations: &[Operation]| Marking::Adaptive(operations.to_vec());
        let first = adaptive(&[
            Operation::MaxLongTerm(2),
            Operation::AssignLongTerm(1, 0),
            Operation::CurrentLongTerm(1),
        ]);
        references.mark(&p(1, first), &sps, 1).unwrap();
        assert_eq!(references.long_term(), [(0, 0), (1, 1)]);
        references
            .mark(&p(2, Marking::SlidingWindow), &sps, 2)
            .unwrap();
        let second = adaptive(&[Operation::UnusedLongTerm(0), Operation::UnusedShortTerm(1)]);
        references.mark(&p(3, second), &sps, 3).unwrap();
        assert_eq!(references.long_term(), [(1, 1)]);
        assert_eq!(references.short_term(4, &sps), [3]);
        for bad in [
            Operation::UnusedLongTerm(0),
            Operation::UnusedShortTerm(2),
            Operation::AssignLongTerm(1, 2),
            Operation::MaxLongTerm(4),
        ] {
            let mut copy = references.clone();
            assert!(copy.mark(&p(4, adaptive(&[bad])), &sps, 4).is_err());
        }
        let less = adaptive(&[Operation::MaxLongTerm(0)]);
        references.mark(&p(4, less), &sps, 4).unwrap();
        assert_eq!(references.long_term(), []);
    }

    #[test]
    fn too_many_references_are_an_error() {
        let sps = sps(1);
        let mut references = References::default();
        references.mark(&idr(true), &sps, 0).unwrap();
        assert!(references
            .mark(&p(1, Marking::SlidingWindow), &sps, 1)
            .is_err());
        assert!(references
            .mark(&p(1, Marking::Adaptive(Vec::new())), &sps, 1)
            .is_err());
    }
}
