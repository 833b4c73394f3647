# SPDX-License-Identifier: GPL-2.0
#
# Rust bindings of C headers, for modules outside of the kernel's tree.
#
# A Kbuild file names what it needs, and includes this file:
#
#	bindgen-targets := foo/bindings_generated.rs
#	include $(SLENC_TOP)/bindgen.mk
#
# NAME_generated.rs comes from NAME.h, a header that includes all that it is
# about. It is in the object directory, and Rust reads it by
# include!(concat!(env!("SLENC_OBJ"), "/...")).
#
# libclang is given the flags of the module's own C files. It understands them in
# a kernel that was built with LLVM=1; of GCC's it would not understand some.

# Only what these headers define is generated: media, what it is accounted by, and
# what is ours. Any
# other type (struct device, struct file, struct mutex ...) stays a name, and
# `use kernel::bindings::*` around the include!() makes it the kernel crate's
# own type, so that it can be passed between the two.
bindgen-headers := \
	.*/include/linux/cgroup_dmem\.h \
	.*/include/media/[^/]*\.h \
	.*/include/uapi/linux/media\.h \
	.*/include/uapi/linux/v4l2-[a-z-]*\.h \
	.*/include/uapi/linux/videodev2\.h \
	$(SLENC_TOP)/.*\.h

# Types without fields of their own that bindgen has to see all the same: it
# takes a type that it may not generate for one that cannot be copied, and then
# makes a union of it something that cannot be used.
bindgen-plain-types := \
	(__)?[us](8|16|32|64)_? \
	__[lb]e(16|32|64) \
	bool_ dma_addr_t gfp_t v4l2_std_id \
	(__kernel_)?(old_)?time.*_t \
	__kernel_long_t \
	(__kernel_old_)?timeval

bindgen-flags := \
	--no-recursive-allowlist \
	$(foreach h,$(bindgen-headers),--allowlist-file '$(h)') \
	$(foreach t,$(bindgen-plain-types),--allowlist-type '$(t)') \
	--blocklist-type '__kernel_s?size_t' --blocklist-type '__kernel_ptrdiff_t' \
	--with-derive-custom-struct '.*=MaybeZeroable' \
	--with-derive-custom-union '.*=MaybeZeroable' \
	--with-derive-default --no-debug '.*' --no-layout-tests --no-doc-comments \
	--use-core --ctypes-prefix ffi --rust-target 1.85 \
	--enable-function-attribute-detection

# A macro that is no plain number, a fourcc for example, is offered in a header
# as a constant with this prefix, and loses it here.
quiet_cmd_bindgen_module = BINDGEN $@
      cmd_bindgen_module = \
	$(BINDGEN) $< $(bindgen-flags) -o $@ -- \
		$(c_flags) -fno-builtin -D__BINDGEN__ -DMODULE; \
	sed -Ei 's/pub const RUST_CONST_HELPER_([a-zA-Z0-9_]*)/pub const \1/g' $@

$(addprefix $(obj)/,$(bindgen-targets)): $(obj)/%_generated.rs: $(src)/%.h FORCE
	$(call if_changed_dep,bindgen_module)

targets += $(bindgen-targets)
clean-files += $(bindgen-targets)
