// SPDX-License-Identifier: GPL-2.0

//! V4L2 stateless encoders as a client sees them: finding one, its formats and
//! controls, its queues, and requests.

pub mod controls;
pub mod device;
pub mod media;
pub mod queue;
pub mod request;
pub mod sys;

pub use sys::uapi;

/// A pixel format's four characters.
pub fn fourcc_name(fourcc: u32) -> String {
    fourcc
        .to_le_bytes()
        .iter()
        .map(|&c| if c.is_ascii_graphic() { c as char } else { ' ' })
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn fourccs_are_readable() {
        assert_eq!(
            super::fourcc_name(super::uapi::V4L2_PIX_FMT_H264_SLICE),
            "S264"
        );
        assert_eq!(super::fourcc_name(u32::from_le_bytes(*b"Y8\0\0")), "Y8");
    }
}
