// SPDX-License-Identifier: GPL-2.0

//! How a program in the guest tells the plugin what to count: it executes an instruction
//! that does nothing, with a displacement that no compiler chooses. This file is the
//! program's as well.

/// Displacement of the NOP before the first instruction that counts.
pub(crate) const BEGIN: i32 = 0x6e63_6c73;
/// Of the one behind the last.
pub(crate) const END: i32 = 0x6e64_6c73;
