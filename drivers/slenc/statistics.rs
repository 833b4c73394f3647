// SPDX-License-Identifier: GPL-2.0

//! The file in debugfs that tells what has become of jobs, which `statistics.c` makes.

use crate::{
    device::EncoderDevice,
    hw::Hardware, //
};
use kernel::{
    bindings,
    prelude::*,
    seq_file::SeqFile,
    str::CString,
    sync::Arc, //
};

// The hardware is for its address only.
#[allow(improper_ctypes)]
extern "C" {
    fn slenc_statistics_create(
        directory: *const c_char,
        hardware: *const Hardware<EncoderDevice>,
    ) -> *mut bindings::dentry;
    fn slenc_statistics_remove(directory: *mut bindings::dentry);
}

/// The file `slenc-DEVICE/statistics`, while it is there.
pub(crate) struct Statistics {
    /// Or what debugfs says of its failure, which it takes as well.
    directory: *mut bindings::dentry,
    _hardware: Arc<Hardware<EncoderDevice>>,
}

#[expect(unsafe_code, reason = "holds a pointer")]
// SAFETY: debugfs can be called from any thread.
unsafe impl Send for Statistics {}

impl Statistics {
    /// Makes the file.
    #[expect(unsafe_code, reason = "calls C")]
    pub(crate) fn new(hardware: &Arc<Hardware<EncoderDevice>>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("slenc-{}", hardware.name()))?;
        // SAFETY: The name is valid during the call, and the hardware until `drop` has removed the
        // file.
        let directory =
            unsafe { slenc_statistics_create(name.as_char_ptr(), Arc::as_ptr(hardware)) };
        Ok(Self {
            directory,
            _hardware: hardware.clone(),
        })
    }
}

impl Drop for Statistics {
    #[expect(unsafe_code, reason = "calls C")]
    fn drop(&mut self) {
        // SAFETY: It comes from `slenc_statistics_create`, and is removed once. This waits for
        // those who read.
        unsafe { slenc_statistics_remove(self.directory) };
    }
}

/// The file is read.
///
/// # Safety
///
/// `file` is a `seq_file` of this thread, and `hardware` what the file was made with: there is a
/// reference on it during the call.
#[expect(unsafe_code, reason = "called by C")]
#[no_mangle]
unsafe extern "C" fn slenc_statistics_show(
    file: *mut bindings::seq_file,
    hardware: *const Hardware<EncoderDevice>,
) {
    // SAFETY: By the requirements of this function.
    let file = unsafe { SeqFile::from_raw(file) };
    // SAFETY: Likewise.
    unsafe { &*hardware }.report(file);
}
