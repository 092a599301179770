# Toolchain and options; the only place that names a compiler or a flag.
CC      := gcc
CLANG   := clang
LD      := ld
OBJCOPY := objcopy
AR      := ar

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wmissing-declarations -Wold-style-definition \
	-Wundef -Wvla -Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2 \
	-Wimplicit-fallthrough -Wredundant-decls -Wnested-externs \
	-Wno-sign-compare -Wframe-larger-than=2048
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wjump-misses-init -Wtrampolines

# Linked high but not in the top 2 GiB (that is the guest's), hence -fpie with
# hidden visibility: everything is RIP-relative. No red zone, no SSE.
XEN_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-common \
	-fno-strict-aliasing -fpie -fvisibility=hidden -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-omit-frame-pointer -fcf-protection=none -D__XEN_TOOLS__ -include xen/include/xen/hidden.h \
	-I xen/include -I xen/arch/x86/include \
	-isystem build/include $(WARN) $(WARN_GCC)

HOST_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-D__XEN_TOOLS__ -I xen/include \
	-I tests/port/include -I . -isystem build/include $(WARN) -Wno-frame-larger-than

# Options only assembly, the offsets file and the linker script need.
XEN_AFLAGS := -D__ASSEMBLY__ -g -I xen/include -I xen/arch/x86/include \
	-isystem build/include

# No build path may reach the image; the working tree is "." in debug data.
XEN_CFLAGS += -ffile-prefix-map=$(CURDIR)=.

# What clang does not know, or says of code gcc's own flags already judge.
CLANG_CFLAGS = $(filter-out $(WARN_GCC) -g,$(XEN_CFLAGS)) \
	-Wno-unknown-warning-option -Wno-gnu-folding-constant \
	-Wno-frame-larger-than -Wno-string-plus-int -Wcomma -Wextra-semi

# The script lays out pages itself; what it does not name is dropped unless a
# KEEP() or a reference holds it.
XEN_LDFLAGS := -m elf_x86_64 --no-relax -static -nostdlib -z noexecstack \
	-z max-page-size=0x1000 --no-warn-rwx-segments --gc-sections \
	--build-id=sha1

# Debian's own static decompressors. Deferred: the compiler may not be there
# yet when this file is read.
XEN_LIBS = $(foreach l,lzma z zstd gcc,$(shell $(CC) -print-file-name=lib$(l).a))
