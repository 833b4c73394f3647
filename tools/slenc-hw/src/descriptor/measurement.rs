// SPDX-License-Identifier: GPL-2.0

//! The descriptor of generation 2 that asks for a measurement of a source.

use super::{
    byte,
    field as common,
    gen2::field,
    is_zero,
    require,
    size,
    source_addresses,
    source_format,
    source_strides,
    BadField,
    Size,
    SourcePlanes, //
};
use crate::generation::Generation;
use crate::le::u64_at;

/// A checked descriptor of a measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Size of the picture.
    pub size: Size,
    /// The source.
    pub source: SourcePlanes,
    /// Address of what it is compared with, if anything.
    pub reference: Option<u64>,
}

impl Measurement {
    /// Parses and checks a descriptor whose layout and operation are right.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BadField> {
        // A run of fields without a use is one reserved field.
        let reserved = |at: usize, end: usize| require(is_zero(&bytes[at..end]), at);
        reserved(field::FLAGS, common::WIDTH_MBS)?;
        let size = size(Generation::Gen2, bytes, true)?;
        let format = source_format(bytes, field::SOURCE_FORMAT)?;
        reserved(field::DISABLE_DEBLOCKING, field::REFERENCE_COUNT)?;
        let has_reference = byte(bytes, field::REFERENCE_COUNT, 1)? != 0;
        reserved(field::FORCED_INTRA_COUNT, common::SOURCE_STRIDE)?;
        let mut planes = source_strides(bytes, Some(format), &size)?;
        reserved(field::QP_MAP_STRIDE, common::SOURCE_ADDR)?;
        source_addresses(bytes, &mut planes)?;
        reserved(field::QP_MAP_ADDR, field::REFERENCE_ADDR)?;
        let reference = u64_at(bytes, field::REFERENCE_ADDR);
        require((reference != 0) == has_reference, field::REFERENCE_ADDR)?;
        reserved(field::REFERENCE_ADDR + 8, bytes.len())?;
        Ok(Self {
            size,
            source: SourcePlanes { format, planes },
            reference: has_reference.then_some(reference),
        })
    }
}
