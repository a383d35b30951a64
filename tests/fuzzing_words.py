"""What a fuzzer writes into archives: values that readers are known to take differently, or that they might."""

from fuzzing_seeds import GNU

# fmt: off
NAMES = (
    b"p/a.txt", b"p/run", b"p/a", b"p", b"p/", b"p/link", b"p/link/x", b"p/d", b"P/A.TXT", b"./p/a", b"p//a", b"p/./a", b"./", b".",
    b"/", b"p/a/", b"p/a/.", b"p/../a", b"../a", b"/abs", b"//abs", b"p\\a", b"C:/x", b"C:x", b"p/.git/hooks", b".git", b"p/GIT~1/x",
    b"p/.gitmodules", b"p/\xc3\xa9", b"p/e\xcc\x81", b"p/\xff", b"p/\xed\xa0\x80", b"p/a\n", b"p/\x1b[0m", b"p/\x7f", b"p/ ", b" p/a",
    b"p/a ", b"p/a.", b"-p", b"--help", b"p/[a]", b"p/*", b"p/?", b"p/a:b", b"a:b", b"con", b"p/con.txt", b"~", b"p/~x", b"@LongLink",
    b"././@LongLink", b"p/PaxHeader", b"\xe2\x80\xae", b"", b"n" * 99, b"n" * 100, b"p/" + b"n" * 98, b"d/" * 50, b"d/" * 49 + b"dd",
    b"p/a;1", b"p/a;", b"a;1", b"p/a.txt;1", b"p/a\x00trailing", b"p/e", b"p/f", b"p/s", b"p/h",
)
TARGETS = (
    *NAMES,
    b"a.txt", b"..", b"../p/a.txt", b"../../etc/passwd", b"link", b"./a.txt", b"p/./a.txt", b"./p/a.txt", b"a.txt/", b"e", b"x/../a.txt",
)
NUMBERS = (
    b"\x00\x00\x00\x00\x00\x00\x00\x00", b"        ", b"0000644\x00", b"0000755\x00", b"000755 \x00", b"   755 \x00", b"   755\x00 ",
    b"755\x00\x00\x00\x00\x00", b"755     ", b"00000755", b"\x80\x00\x00\x00\x00\x00\x01\xed", b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x00", b"-1\x00\x00\x00\x00\x00\x00", b"0000009\x00", b"0x1ed\x00\x00\x00", b"+755\x00\x00\x00\x00",
    b"7 5 5\x00\x00\x00", b"\x000755\x00\x00", b"7777777\x00", b"0100755\x00", b"0040755\x00", b"0120777\x00", b"0000000\x00",
    b"0000001\x00", b"0000100\x00", b"0004755\x00", b"77777777", b"\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f",
    b"\x80\xff\xff\xff\xff\xff\xff\xff", b"\xc0\x00\x00\x00\x00\x00\x00\x00", b"\t755\x00\x00\x00\x00", b"0000644\n", b"0000644x",
    b"000064\x004", b"755,    ", b"\x00000644",
)
SIZES = (
    b"%011o\x00", b"%012o", b"%11o ", b"%010o \x00", b"%o\x00", b" %o", b"%o ", b"%06o\x00     ", b"%011o ",
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", b"            ", b"\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"-1", b"77777777777\x00", b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00",
)
MAGICS = (
    b"ustar\x0000", GNU, bytes(8), b"ustar\x00\x00\x00", b"ustar\x00  ", b"ustar   ", b"ustar 00", b"ustar\x0001", b"USTAR\x0000",
    b"ustar\x00\x000",
)
TYPES = b"0\x001234567xgLKSNVADIMX\xff Z"
# PAX records: a key and its value.
RECORDS = (
    *((b"path", name) for name in NAMES),
    *((b"linkpath", name) for name in TARGETS),
    (b"size", b"0"), (b"size", b"3"), (b"size", b"5"), (b"size", b"600"), (b"size", b"-1"), (b"size", b" 3"), (b"size", b"3 "),
    (b"size", b"03"), (b"size", b"+3"), (b"size", b"3.0"), (b"size", b"0x3"), (b"size", b"1_0"), (b"size", b""),
    (b"size", b"99999999999999999999"), (b"mtime", b"0"), (b"mtime", b"1.5"), (b"mtime", b"-1"), (b"mtime", b"-1.5"), (b"mtime", b"1e9"),
    (b"mtime", b"nan"), (b"mtime", b"inf"), (b"mtime", b""), (b"mtime", b"1."), (b"mtime", b".5"), (b"mtime", b"99999999999999"),
    (b"mtime", b" 1"), (b"mtime", b"1_0"), (b"mtime", b"12345678901.123456789012"), (b"atime", b"0"), (b"atime", b"-1"),
    (b"atime", b"1.5"), (b"atime", b"x"), (b"atime", b""), (b"atime", b"99999999999999999999"), (b"atime", b"2097152"),
    (b"atime", b"4294967296"), (b"ctime", b"0"), (b"ctime", b"-1"), (b"ctime", b"1.5"), (b"ctime", b"x"), (b"ctime", b""),
    (b"ctime", b"99999999999999999999"), (b"ctime", b"2097152"), (b"ctime", b"4294967296"), (b"uid", b"0"), (b"uid", b"-1"),
    (b"uid", b"1.5"), (b"uid", b"x"), (b"uid", b""), (b"uid", b"99999999999999999999"), (b"uid", b"2097152"), (b"uid", b"4294967296"),
    (b"gid", b"0"), (b"gid", b"-1"), (b"gid", b"1.5"), (b"gid", b"x"), (b"gid", b""), (b"gid", b"99999999999999999999"),
    (b"gid", b"2097152"), (b"gid", b"4294967296"), (b"uname", b""), (b"uname", b"root"), (b"uname", b"\xff"), (b"uname", b"a=b\nc"),
    (b"uname", b"\x00"), (b"gname", b""), (b"gname", b"root"), (b"gname", b"\xff"), (b"gname", b"a=b\nc"), (b"gname", b"\x00"),
    (b"comment", b""), (b"comment", b"root"), (b"comment", b"\xff"), (b"comment", b"a=b\nc"), (b"comment", b"\x00"),
    (b"hdrcharset", b"BINARY"), (b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"), (b"hdrcharset", b"ISO-IR 8859 1 1998"),
    (b"hdrcharset", b""), (b"charset", b"BINARY"), (b"GNU.sparse.major", b"1"), (b"GNU.sparse.name", b"q"), (b"GNU.dumpdir", b"Yp\x00"),
    (b"GNU.volume.label", b"v"), (b"GNU.volume.size", b"7"), (b"GNU.volume.filename", b"q"), (b"GNU.volume.offset", b"1"),
    (b"SCHILY.filetype", b"l"), (b"SCHILY.realsize", b"9"), (b"SCHILY.dev", b"1"), (b"SCHILY.ino", b"1"),
    (b"SCHILY.xattr.user.x", b"\x00y"), (b"LIBARCHIVE.creationtime", b"1"), (b"LIBARCHIVE.symlinktype", b"dir"),
    (b"RHT.security.selinux", b"x"), (b"VENDOR.unknown", b"1"), (b"SCHILY.acl.access", b"user::rwx"), (b"SCHILY.fflags", b"nodump"),
    (b"realtime.any", b"1"), (b"security.x", b"1"), (b"Path", b"q"), (b"path ", b"q"), (b" path", b"q"),
)
# Where a tar header has what, and how many bytes of it.
TAR = {
    "name": (0, 100), "mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12), "mtime": (136, 12), "checksum": (148, 8),
    "type": (156, 1), "target": (157, 100), "magic": (257, 8), "owner": (265, 32), "group": (297, 32), "major": (329, 8),
    "minor": (337, 8), "prefix": (345, 155), "after": (500, 12),
}
# And a zip file: a record of its directory, a local one, and its ends.
CENTRAL = {
    "version": (4, 1), "system": (5, 1), "needs": (6, 1), "needs system": (7, 1), "flags": (8, 2), "method": (10, 2), "time": (12, 2),
    "date": (14, 2), "crc": (16, 4), "packed": (20, 4), "size": (24, 4), "name": (28, 2), "extra": (30, 2), "comment": (32, 2),
    "disk": (34, 2), "internal": (36, 2), "attributes": (38, 4), "offset": (42, 4),
}
LOCAL = {
    "needs": (4, 1), "needs system": (5, 1), "flags": (6, 2), "method": (8, 2), "time": (10, 2), "date": (12, 2), "crc": (14, 4),
    "packed": (18, 4), "size": (22, 4), "name": (26, 2), "extra": (28, 2),
}
END = {
    "disk": (4, 2), "first": (6, 2), "here": (8, 2), "entries": (10, 2), "length": (12, 4), "offset": (16, 4), "comment": (20, 2),
}
END64 = {
    "record": (4, 8), "version": (12, 2), "needs": (14, 2), "disk": (16, 4), "first": (20, 4), "here": (24, 8), "entries": (32, 8),
    "length": (40, 8), "offset": (48, 8),
}
LOCATOR = {
    "disk": (4, 4), "offset": (8, 8), "disks": (16, 4),
}
# File modes of Unix, and kinds of extra fields.
MODES = (
    0, 0o644, 0o755, 0o100644, 0o100755, 0o100000, 0o100001, 0o100111, 0o104755, 0o40755, 0o120777, 0o120000, 0o10644, 0o20644, 0o140644,
)
KINDS = (
    0x0001, 0x0007, 0x0008, 0x0009, 0x000A, 0x000C, 0x000D, 0x000E, 0x0014, 0x0017, 0x0065, 0x07C8, 0x2605, 0x2705, 0x2805, 0x334D,
    0x4341, 0x4453, 0x4704, 0x470F, 0x4B46, 0x4C41, 0x4D49, 0x4F4C, 0x5356, 0x5455, 0x554E, 0x5855, 0x6375, 0x6542, 0x7075, 0x7441,
    0x756E, 0x7855, 0x7875, 0xA220, 0xFD4A, 0xFB4A, 0x9901, 0xCAFE, 0x154E, 0x6854, 0xFFFF, 0x0000,
)
# fmt: on
