// SPDX-License-Identifier: GPL-2.0

//! Which controls a device has, and what they can be.

use super::{
    device::Device,
    sys::control::{
        self,
        ExtControl,
        Which, //
    },
    uapi::*,
};
use crate::error::{
    Error,
    Result, //
};
use serde::Serialize;
use std::os::fd::AsFd;

/// One control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// V4L2_CID_*.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its type, as the documentation names it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
    /// Step between values.
    pub step: u64,
    /// Value after opening the device.
    pub default: i64,
    /// Bytes of a compound control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// How many elements an array has; 1 of what is none.
    #[serde(skip)]
    pub elements: u32,
    /// Only the driver sets it.
    pub read_only: bool,
    /// The items of a menu that exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<MenuItem>,
}

/// One item of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MenuItem {
    /// The value that selects it.
    pub index: u32,
    /// What it is called.
    pub name: String,
}

/// All controls, in the driver's order.
pub fn list(device: &Device) -> Vec<Control> {
    let mut found = Vec::new();
    let mut id = 0;
    while let Ok(control) = control::query(
        device.as_fd(),
        id | V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND,
    ) {
        // A driver that does not advance must not keep us here.
        if control.id <= id {
            break;
        }
        id = control.id;
        if control.type_ != V4L2_CTRL_TYPE_CTRL_CLASS {
            found.push(describe(device, &control));
        }
    }
    found
}

/// One control, when the device has it.
pub fn find(device: &Device, id: u32) -> Option<Control> {
    let control = control::query(device.as_fd(), id).ok()?;
    Some(describe(device, &control))
}

fn describe(device: &Device, control: &v4l2_query_ext_ctrl) -> Control {
    // Menus have few items; the bound is against a driver that claims otherwise.
    let items = match control.type_ {
        V4L2_CTRL_TYPE_MENU => control.minimum.max(0)..control.maximum.min(255) + 1,
        _ => 0..0,
    };
    Control {
        id: control.id,
        name: control::name(control),
        kind: type_name(control.type_),
        minimum: control.minimum,
        maximum: control.maximum,
        step: control.step,
        default: control.default_value,
        size: (control.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD != 0).then_some(control.elem_size),
        elements: control.elems,
        read_only: control.flags & V4L2_CTRL_FLAG_READ_ONLY != 0,
        menu: items
            .filter_map(|index| {
                let index = index as u32;
                let name = control::menu_item(device.as_fd(), control.id, index).ok()?;
                Some(MenuItem { index, name })
            })
            .collect(),
    }
}

/// Names as v4l2-ctl prints them.
fn type_name(kind: u32) -> String {
    match kind {
        V4L2_CTRL_TYPE_INTEGER => "int",
        V4L2_CTRL_TYPE_BOOLEAN => "bool",
        V4L2_CTRL_TYPE_MENU => "menu",
        V4L2_CTRL_TYPE_INTEGER_MENU => "intmenu",
        V4L2_CTRL_TYPE_BUTTON => "button",
        V4L2_CTRL_TYPE_INTEGER64 => "int64",
        V4L2_CTRL_TYPE_STRING => "str",
        V4L2_CTRL_TYPE_BITMASK => "bitmask",
        V4L2_CTRL_TYPE_U8 => "u8",
        V4L2_CTRL_TYPE_U16 => "u16",
        V4L2_CTRL_TYPE_U32 => "u32",
        V4L2_CTRL_TYPE_H264_SPS => "h264-sps",
        V4L2_CTRL_TYPE_H264_PPS => "h264-pps",
        V4L2_CTRL_TYPE_H264_ENCODE_PARAMS => "h264-encode-params",
        V4L2_CTRL_TYPE_STATELESS_ENC_STATS => "stateless-enc-stats",
        V4L2_CTRL_TYPE_H264_ENCODE_REFERENCES => "h264-encode-references",
        other => return format!("type {other:#x}"),
    }
    .to_owned()
}

/// Sets controls, with an error that names the one that was refused.
pub fn set(device: &Device, which: Which<'_>, controls: &mut [ExtControl<'_>]) -> Result<()> {
    control::set(device.as_fd(), which, controls).map_err(|err| {
        let what = match err.id {
            Some(id) => match find(device, id) {
                Some(control) => format!(
                    "the driver refuses the value of the control \"{}\"",
                    control.name
                ),
                None => format!("the driver has no control {id:#010x}"),
            },
            None => "the driver refuses the controls".to_owned(),
        };
        Error::new(format!("{what}: {}", err.source))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_show_their_number() {
        assert_eq!(type_name(V4L2_CTRL_TYPE_H264_SPS), "h264-sps");
        assert_eq!(type_name(0x7fff), "type 0x7fff");
    }
}
