// SPDX-License-Identifier: GPL-2.0

//! Maps of a program that is loaded: numbers that are set while it runs.

use crate::{
    error::{
        Context,
        Error,
        Result, //
    },
    parameters::put,
    place, //
};
use libbpf_rs::{
    ErrorKind,
    MapCore,
    MapFlags,
    MapHandle, //
};
use std::fs;

/// A number as so many bytes.
fn bytes(size: u32, value: i64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).ok().filter(|&size| size <= 8)?];
    put(&mut bytes, value).map(|()| bytes)
}

/// Sets entries of a map.
pub(crate) fn set(program: &str, map: &str, entries: &[(i64, i64)]) -> Result<()> {
    if !place::is_loaded(program)? {
        return Err(place::not_loaded(program));
    }
    let pins = place::pins(program);
    let pin = pins.join(map);
    let handle = MapHandle::from_pinned_path(&pin).map_err(|err| match err.kind() {
        ErrorKind::NotFound => {
            let mut known: Vec<String> = fs::read_dir(&pins)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| name != place::LINK)
                .collect();
            known.sort();
            Error::new(format!("{program} has no map {map}")).remedy(if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            })
        }
        _ => place::pin_error(program, &pin, &err),
    })?;
    for (key, value) in entries {
        let fit = |size, number| {
            bytes(size, number)
                .ok_or_else(|| Error::new(format!("{number} is out of range for {map}")))
        };
        handle
            .update(
                &fit(handle.key_size(), *key)?,
                &fit(handle.value_size(), *value)?,
                MapFlags::ANY,
            )
            .context(format!("{map}: {key}={value}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_to_fit() {
        assert_eq!(bytes(4, 3), Some(3u32.to_ne_bytes().to_vec()));
        assert_eq!(bytes(8, -1), Some(vec![0xff; 8]));
        assert_eq!(bytes(4, 1 << 40), None);
        // What is no number.
        assert_eq!(bytes(0, 0), None);
        assert_eq!(bytes(3, 0), None);
        assert_eq!(bytes(16, 0), None);
    }
}
