// SPDX-License-Identifier: GPL-2.0

//! RefPicList0 of a P picture: which references the application wants in it, and what the slice
//! header says so that a decoder has the same (ref_pic_list_modification(), H.264 clauses 7.3.3.1
//! and 8.2.4.3).

use super::{
    encode_references::EncodeReferences,
    few::Few,
    params::Invalid,
    reference::{Marked, Numbers, Reference, References, MAX_DPB_FRAMES},
};

/// A command of ref_pic_list_modification(): what the next entry of the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modification {
    /// modification_of_pic_nums_idc 0: abs_diff_pic_num_minus1 to subtract.
    Subtract(u16),
    /// modification_of_pic_nums_idc 1: abs_diff_pic_num_minus1 to add.
    Add(u16),
    /// modification_of_pic_nums_idc 2: long_term_pic_num.
    LongTerm(u8),
}

/// The commands of a picture; none is ref_pic_list_modification_flag_l0 0.
pub type Modifications = Few<Modification, MAX_DPB_FRAMES>;

/// RefPicList0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Slots of the references.
    pub slots: Few<u8, MAX_DPB_FRAMES>,
    /// How a decoder comes to it.
    pub modifications: Modifications,
}

type Entries = Few<Reference, MAX_DPB_FRAMES>;

/// The list of a P picture that may have `active` entries, at least one.
///
/// Without the application's choice the newest reference is first, and the others follow in the
/// order of the initial list.
pub fn list0(
    references: &References,
    numbers: Numbers,
    wanted: &EncodeReferences,
    active: u8,
    able: u8,
) -> Result<List, Invalid> {
    let initial = references.initial_list(numbers);
    let newest = references.iter().next().ok_or(Invalid("slice_type"))?;
    let list = match wanted.list0() {
        // However many of them are substitutes, and left out.
        Some(names) if names.len() > usize::from(able) => return Err(Invalid("num_list0")),
        Some(names) => named(references, newest, names, wanted.may_substitute())?,
        None => {
            let others = initial.iter().filter(|r| r.slot != newest.slot);
            let entries = [newest].into_iter().chain(others);
            collect(entries.take(active.min(able).into()))
        }
    };
    if list.is_empty() || list.len() > usize::from(able) {
        return Err(Invalid("num_list0"));
    }
    let mut slots = Few::new();
    for entry in list.iter() {
        // There are as many places as entries.
        let _ = slots.push(entry.slot);
    }
    Ok(List {
        slots,
        modifications: modifications(&initial, &list, numbers),
    })
}

/// The references that the application names.
fn named(
    references: &References,
    newest: Reference,
    names: &[u64],
    may_substitute: bool,
) -> Result<Entries, Invalid> {
    let mut list = Entries::new();
    for &name in names {
        let entry = references
            .find(name)
            .or(may_substitute.then_some(newest))
            .ok_or(Invalid("list0"))?;
        // A substitute may be in it already.
        if list.iter().all(|other| other.slot != entry.slot) {
            list.push(entry).map_err(|_| Invalid("num_list0"))?;
        }
    }
    Ok(list)
}

fn collect(entries: impl Iterator<Item = Reference>) -> Entries {
    let mut list = Entries::new();
    for entry in entries {
        // There are no more references than places.
        let _ = list.push(entry);
    }
    list
}

/// The fewest commands that make `list` of the initial list.
///
/// Each command puts its picture at the next place, and moves the others back (clause 8.2.4.3.1).
/// So after some of them the list begins with theirs, and goes on with the initial list without
/// them.
fn modifications(initial: &Entries, list: &Entries, numbers: Numbers) -> Modifications {
    let length = list.len();
    let after = |commands: usize| {
        let first = move || list.iter().take(commands);
        // Clause 8.2.4.2: the initial list has no more entries than the list.
        let rest = initial
            .iter()
            .take(length)
            .filter(move |entry| first().all(|other| other.slot != entry.slot));
        first().chain(rest).take(length)
    };
    let mut result = Modifications::new();
    let Some(needed) = (0..=length).find(|&commands| after(commands).eq(list.iter())) else {
        return result;
    };
    let mut predicted = i32::from(numbers.frame_num);
    for entry in list.iter().take(needed) {
        let command = match entry.marked {
            Marked::LongTerm { frame_idx } => Modification::LongTerm(frame_idx),
            Marked::ShortTerm { frame_num } => {
                let number = numbers.pic_num(frame_num);
                // Numbers lie within MaxFrameNum - 1 of one another, and differ.
                let minus1 = number.abs_diff(predicted).saturating_sub(1) as u16;
                let below = number < predicted;
                predicted = number;
                if below {
                    Modification::Subtract(minus1)
                } else {
                    Modification::Add(minus1)
                }
            }
        };
        // There are no more commands than entries.
        let _ = result.push(command);
    }
    result
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_list))]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        frame_num: 2,
        mask: 15,
    };
    /// Slot and name of each are its place here: the last is the newest.
    const MARKED: [Marked; 4] = [
        Marked::LongTerm { frame_idx: 2 },
        Marked::ShortTerm { frame_num: 14 },
        Marked::ShortTerm { frame_num: 0 },
        Marked::ShortTerm { frame_num: 1 },
    ];

    fn references(marked: &[Marked]) -> References {
        let mut references = References::new();
        for (slot, &marked) in (0u8..).zip(marked) {
            let added = references.insert(Reference {
                slot,
                timestamp: Some(slot.into()),
                marked,
            });
            assert!(added.is_ok());
        }
        references
    }

    fn explicit(names: &[u64], flags: u32) -> EncodeReferences {
        let mut wanted = EncodeReferences {
            flags: flags | EncodeReferences::EXPLICIT,
            num_list0: names.len() as u8,
            ..EncodeReferences::DEFAULT
        };
        for (to, name) in wanted.list0.iter_mut().zip(names) {
            *to = *name;
        }
        wanted
    }

    fn check(names: &[u64], slots: &[u8], commands: &[Modification]) {
        let list = list0(
            &references(&MARKED),
            NUMBERS,
            &explicit(names, EncodeReferences::SUBSTITUTE),
            1,
            4,
        );
        assert!(list.is_ok_and(|list| {
            list.slots.iter().eq(slots.iter().copied())
                && list.modifications.iter().eq(commands.iter().copied())
        }));
    }

    #[test]
    fn the_initial_list_needs_no_command() {
        check(&[3], &[3], &[]);
        check(&[3, 2, 1, 0], &[3, 2, 1, 0], &[]);
    }

    #[test]
    fn commands_say_how_far_numbers_are_apart() {
        use Modification::{Add, LongTerm, Subtract};
        // PicNum: 1 is -2, 2 is 0, 3 is 1; counted from 2.
        check(&[2], &[2], &[Subtract(1)]);
        check(&[1], &[1], &[Subtract(3)]);
        check(&[1, 2], &[1, 2], &[Subtract(3), Add(1)]);
        check(&[0], &[0], &[LongTerm(2)]);
        // One command moves the rest back.
        check(&[0, 3, 2], &[0, 3, 2], &[LongTerm(2)]);
        check(&[3, 0], &[3, 0], &[Subtract(0), LongTerm(2)]);
        check(&[2, 3, 1, 0], &[2, 3, 1, 0], &[Subtract(1)]);
        check(
            &[0, 1, 2, 3],
            &[0, 1, 2, 3],
            &[LongTerm(2), Subtract(3), Add(1)],
        );
    }

    #[test]
    fn a_substitute_is_the_newest_and_not_used_twice() {
        check(&[77], &[3], &[]);
        check(&[77, 78, 3, 2], &[3, 2], &[]);
        let refused = list0(&references(&MARKED), NUMBERS, &explicit(&[77], 0), 1, 4);
        assert_eq!(refused, Err(Invalid("list0")));
    }

    #[test]
    fn no_more_than_the_hardware_takes() {
        let all = references(&MARKED);
        let two = |names: &[u64]| list0(&all, NUMBERS, &explicit(names, 0), 1, 2);
        assert!(two(&[0, 1]).is_ok());
        assert_eq!(two(&[0, 1, 2]), Err(Invalid("num_list0")));
        assert_eq!(two(&[]), Err(Invalid("num_list0")));
        // Also when substitutes would leave fewer.
        let substitutes = explicit(&[77, 78, 79], EncodeReferences::SUBSTITUTE);
        let refused = list0(&all, NUMBERS, &substitutes, 1, 2);
        assert_eq!(refused, Err(Invalid("num_list0")));
        // Without a choice, as many as there are, as wanted and as it takes.
        for (active, able, length) in [(1, 4, 1), (3, 4, 3), (32, 4, 4), (3, 2, 2), (3, 1, 1)] {
            let list = list0(&all, NUMBERS, &EncodeReferences::DEFAULT, active, able);
            assert!(list.is_ok_and(|list| list.slots.len() == length));
        }
    }

    #[test]
    fn the_newest_is_first_also_when_it_is_long_term() {
        let marked = [
            Marked::ShortTerm { frame_num: 0 },
            Marked::ShortTerm { frame_num: 1 },
            Marked::LongTerm { frame_idx: 0 },
        ];
        let list = list0(
            &references(&marked),
            NUMBERS,
            &EncodeReferences::DEFAULT,
            2,
            4,
        );
        assert!(list.is_ok_and(|list| {
            list.slots.iter().eq([2, 1])
                && list.modifications.iter().eq([Modification::LongTerm(0)])
        }));
    }

    #[test]
    fn without_references_there_is_no_list() {
        for wanted in [EncodeReferences::DEFAULT, explicit(&[1], 2)] {
            let list = list0(&References::new(), NUMBERS, &wanted, 1, 4);
            assert_eq!(list, Err(Invalid("slice_type")));
        }
    }
}
