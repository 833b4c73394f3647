// SPDX-License-Identifier: GPL-2.0

//! Parameters of a program: its constant global variables, set before it is loaded.

use crate::error::{
    Error,
    Result, //
};
use libbpf_rs::{
    btf::{
        types::{
            DataSec,
            Var, //
        },
        Btf, //
    },
    AsRawLibbpf,
    OpenObject, //
};

/// A parameter, as a place in the section of constants.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    size: usize,
}

/// The places of all parameters, by name.
fn places(object: &OpenObject) -> Result<Vec<(String, Place)>> {
    // SAFETY: The object lives longer than what refers to it here.
    #[allow(unsafe_code)]
    let raw = unsafe { object.as_libbpf_object().as_ref() };
    let Some(btf) = Btf::from_bpf_object(raw).map_err(Error::new)? else {
        return Ok(Vec::new());
    };
    let Some(section) = btf.type_by_name::<DataSec<'_>>(".rodata") else {
        return Ok(Vec::new());
    };
    let found = section
        .iter()
        .filter_map(|member| {
            let name = btf
                .type_by_id::<Var<'_>>(member.ty)?
                .name()?
                .to_str()?
                .to_owned();
            Some((
                name,
                Place {
                    offset: member.offset as usize,
                    size: member.size,
                },
            ))
        })
        .collect();
    Ok(found)
}

/// Writes a number of 1, 2, 4 or 8 bytes, if it fits.
pub(crate) fn put(bytes: &mut [u8], value: i64) -> Option<()> {
    if !matches!(bytes.len(), 1 | 2 | 4 | 8) {
        return None;
    }
    let bits = bytes.len() * 8;
    let fits = bits == 64 || (-(1 << (bits - 1))..1 << bits).contains(&value);
    if !fits {
        return None;
    }
    let all = value.to_ne_bytes();
    let part = if cfg!(target_endian = "little") {
        all.get(..bytes.len())?
    } else {
        all.get(8 - bytes.len()..)?
    };
    bytes.copy_from_slice(part);
    Some(())
}

/// Sets parameters of a program that is not loaded yet.
pub(crate) fn set(object: &mut OpenObject, settings: &[(String, i64)]) -> Result<()> {
    if settings.is_empty() {
        return Ok(());
    }
    let places = places(object)?;
    let mut map = object
        .maps_mut()
        .find(|map| map.name().to_string_lossy().ends_with(".rodata"))
        .ok_or_else(|| Error::new("the program has no parameters"))?;
    let data = map
        .initial_value_mut()
        .ok_or_else(|| Error::new("the program has no parameters"))?;
    for (name, value) in settings {
        let Some((_, place)) = places.iter().find(|(known, _)| known == name) else {
            let known: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::new(format!("the program has no parameter {name}"))
                .remedy(format!("it has {}", known.join(", "))));
        };
        data.get_mut(place.offset..place.offset + place.size)
            .and_then(|bytes| put(bytes, *value))
            .ok_or_else(|| Error::new(format!("{value} is out of range for {name}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_to_fit() {
        let mut bytes = [0u8; 4];
        assert_eq!(put(&mut bytes, -2), Some(()));
        assert_eq!(i32::from_ne_bytes(bytes), -2);
        assert_eq!(put(&mut bytes, 0xffff_ffff), Some(()));
        assert_eq!(put(&mut bytes, 1 << 32), None);
        assert_eq!(put(&mut bytes[..1], 256), None);
        assert_eq!(put(&mut bytes[..3], 1), None);
        assert_eq!(put(&mut [], 0), None);
        assert_eq!(put(&mut [0; 16], 0), None);
        assert_eq!(put(&mut [0; 8], i64::MIN), Some(()));
    }
}
