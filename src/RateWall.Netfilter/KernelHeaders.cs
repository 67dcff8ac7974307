namespace RateWall.Netfilter;

/// <summary>The kernel's numbers under the kernel's names, from the headers named above each block.</summary>
internal static class KernelHeaders
{
    // linux/socket.h, asm-generic/socket.h, fcntl.h
    internal const int AF_UNIX = 1;
    internal const int AF_NETLINK = 16;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_SEQPACKET = 5;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int O_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_SNDBUF = 7;
    internal const int SO_RCVBUF = 8;
    internal const int SO_SNDBUFFORCE = 32;
    internal const int SO_RCVBUFFORCE = 33;
    internal const int SO_PROTOCOL = 38;
    internal const int SO_DOMAIN = 39;
    internal const int SOL_NETLINK = 270;
    internal const int MSG_PEEK = 0x02;
    internal const int MSG_NOSIGNAL = 0x4000;
    internal const int MSG_TRUNC = 0x20;
    internal const int MSG_DONTWAIT = 0x40;

    internal const byte AF_INET = 2;
    internal const byte AF_INET6 = 10;
    internal const byte IPPROTO_TCP = 6; // linux/in.h

    // linux/memfd.h
    internal const uint MFD_CLOEXEC = 1;

    // linux/netlink.h
    internal const int NETLINK_SOCK_DIAG = 4;
    internal const int NETLINK_NETFILTER = 12;
    internal const int NETLINK_CAP_ACK = 10;
    internal const int NETLINK_EXT_ACK = 11;
    internal const int NLMSG_HDRLEN = 16;
    internal const ushort NLMSG_NOOP = 1;
    internal const ushort NLMSG_ERROR = 2;
    internal const ushort NLMSG_DONE = 3;
    internal const ushort NLMSG_OVERRUN = 4;
    internal const ushort NLM_F_REQUEST = 0x001;
    internal const ushort NLM_F_MULTI = 0x002;
    internal const ushort NLM_F_ACK = 0x004;
    internal const ushort NLM_F_DUMP_INTR = 0x010;
    internal const ushort NLM_F_DUMP = 0x300;
    internal const ushort NLM_F_CREATE = 0x400;
    internal const ushort NLM_F_CAPPED = 0x100;
    internal const ushort NLM_F_ACK_TLVS = 0x200;
    internal const ushort NLMSGERR_ATTR_MSG = 1;
    internal const ushort NLMSGERR_ATTR_OFFS = 2;
    internal const int NLA_HDRLEN = 4;
    internal const int NLA_ALIGNTO = 4;
    internal const ushort NLA_F_NESTED = 0x8000;
    internal const ushort NLA_TYPE_MASK = 0x3fff;

    // linux/netfilter/nfnetlink.h
    internal const int NFGENMSG_LEN = 4;
    internal const byte NFNETLINK_V0 = 0;
    internal const ushort NFNL_SUBSYS_NFTABLES = 10;
    internal const ushort NFNL_MSG_BATCH_BEGIN = 16;
    internal const ushort NFNL_MSG_BATCH_END = 17;
    internal const ushort NFNL_BATCH_GENID = 1;

    // linux/netfilter/nf_tables.h: enum nf_tables_msg_types
    internal const ushort NFT_MSG_NEWTABLE = 0;
    internal const ushort NFT_MSG_GETTABLE = 1;
    internal const ushort NFT_MSG_DELTABLE = 2;
    internal const ushort NFT_MSG_NEWCHAIN = 3;
    internal const ushort NFT_MSG_GETCHAIN = 4;
    internal const ushort NFT_MSG_DELCHAIN = 5;
    internal const ushort NFT_MSG_NEWRULE = 6;
    internal const ushort NFT_MSG_GETRULE = 7;
    internal const ushort NFT_MSG_DELRULE = 8;
    internal const ushort NFT_MSG_NEWSET = 9;
    internal const ushort NFT_MSG_GETSET = 10;
    internal const ushort NFT_MSG_DELSET = 11;
    internal const ushort NFT_MSG_NEWSETELEM = 12;
    internal const ushort NFT_MSG_GETSETELEM = 13;
    internal const ushort NFT_MSG_DELSETELEM = 14;
    internal const ushort NFT_MSG_NEWGEN = 15;
    internal const ushort NFT_MSG_GETGEN = 16;
    internal const ushort NFT_MSG_NEWOBJ = 18;
    internal const ushort NFT_MSG_GETOBJ = 19;
    internal const ushort NFT_MSG_DELOBJ = 20;
    internal const ushort NFT_MSG_NEWFLOWTABLE = 22;
    internal const ushort NFT_MSG_GETFLOWTABLE = 23;
    internal const ushort NFT_MSG_DELFLOWTABLE = 24;
    internal const ushort NFT_MSG_DESTROYTABLE = 26;
    internal const ushort NFT_MSG_DESTROYCHAIN = 27;
    internal const ushort NFT_MSG_DESTROYRULE = 28;
    internal const ushort NFT_MSG_DESTROYSET = 29;
    internal const ushort NFT_MSG_DESTROYSETELEM = 30;
    internal const ushort NFT_MSG_DESTROYOBJ = 31;
    internal const ushort NFT_MSG_DESTROYFLOWTABLE = 32;

    internal const int NFT_NAME_MAXLEN = 256;
    internal const int NFT_DATA_VALUE_MAXLEN = 64;
    internal const uint NFT_OBJECT_COUNTER = 1;

    internal const ushort NFTA_LIST_ELEM = 1;
    internal const ushort NFTA_TABLE_NAME = 1;
    internal const ushort NFTA_TABLE_USE = 3;
    internal const ushort NFTA_CHAIN_HANDLE = 2;
    internal const ushort NFTA_CHAIN_NAME = 3;
    internal const ushort NFTA_CHAIN_USE = 6;
    internal const ushort NFTA_CHAIN_COUNTERS = 8;
    internal const ushort NFTA_RULE_CHAIN = 2;
    internal const ushort NFTA_RULE_HANDLE = 3;
    internal const ushort NFTA_RULE_EXPRESSIONS = 4;
    internal const ushort NFTA_RULE_POSITION = 6;
    internal const ushort NFTA_GEN_ID = 1;
    internal const ushort NFTA_DATA_VALUE = 1;
    internal const ushort NFTA_EXPR_NAME = 1;
    internal const ushort NFTA_EXPR_DATA = 2;
    internal const ushort NFTA_IMMEDIATE_DATA = 2;
    internal const ushort NFTA_DATA_VERDICT = 2;
    internal const ushort NFTA_VERDICT_CHAIN = 2;
    internal const ushort NFTA_FLOWTABLE_NAME = 2;
    internal const ushort NFTA_COUNTER_BYTES = 1;
    internal const ushort NFTA_COUNTER_PACKETS = 2;

    internal const ushort NFTA_OBJ_TABLE = 1;
    internal const ushort NFTA_OBJ_NAME = 2;
    internal const ushort NFTA_OBJ_TYPE = 3;
    internal const ushort NFTA_OBJ_DATA = 4;

    // enum nft_set_flags
    internal const uint NFT_SET_ANONYMOUS = 0x1;
    internal const uint NFT_SET_INTERVAL = 0x4;
    internal const uint NFT_SET_MAP = 0x8;
    internal const uint NFT_SET_TIMEOUT = 0x10;
    internal const uint NFT_SET_CONCAT = 0x80;

    // enum nft_set_attributes, nft_set_desc_attributes; NFTA_SET_COUNT came with Linux 6.15
    internal const ushort NFTA_SET_TABLE = 1;
    internal const ushort NFTA_SET_NAME = 2;
    internal const ushort NFTA_SET_FLAGS = 3;
    internal const ushort NFTA_SET_KEY_TYPE = 4;
    internal const ushort NFTA_SET_KEY_LEN = 5;
    internal const ushort NFTA_SET_DESC = 9;
    internal const ushort NFTA_SET_TIMEOUT = 11;
    internal const ushort NFTA_SET_EXPR = 17;
    internal const ushort NFTA_SET_EXPRESSIONS = 18;
    internal const ushort NFTA_SET_COUNT = 20;
    internal const ushort NFTA_SET_DESC_SIZE = 1;
    internal const ushort NFTA_SET_DESC_CONCAT = 2;

    // enum nft_set_elem_attributes, nft_set_elem_list_attributes, nft_set_elem_flags
    internal const ushort NFTA_SET_ELEM_KEY = 1;
    internal const ushort NFTA_SET_ELEM_DATA = 2;
    internal const ushort NFTA_SET_ELEM_FLAGS = 3;
    internal const ushort NFTA_SET_ELEM_TIMEOUT = 4;
    internal const ushort NFTA_SET_ELEM_EXPIRATION = 5;
    internal const ushort NFTA_SET_ELEM_EXPR = 7;
    internal const ushort NFTA_SET_ELEM_KEY_END = 10;
    internal const ushort NFTA_SET_ELEM_EXPRESSIONS = 11;
    internal const ushort NFTA_SET_ELEM_LIST_TABLE = 1;
    internal const ushort NFTA_SET_ELEM_LIST_SET = 2;
    internal const ushort NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    internal const uint NFT_SET_ELEM_INTERVAL_END = 0x1;
    internal const uint NFT_SET_ELEM_CATCHALL = 0x2;

    // linux/sock_diag.h
    internal const ushort SOCK_DIAG_BY_FAMILY = 20;
    internal const ushort SOCK_DESTROY = 21;

    // linux/inet_diag.h: struct inet_diag_req_v2, inet_diag_sockid, inet_diag_msg, inet_diag_bc_op
    internal const int INET_DIAG_REQ_V2_LEN = 56;
    internal const int INET_DIAG_SOCKID_OFFSET = 8;
    internal const int INET_DIAG_SOCKID_LEN = 48;
    internal const int INET_DIAG_MSG_LEN = 72;
    internal const int INET_DIAG_MSG_SOCKID_OFFSET = 4;
    internal const int INET_DIAG_MSG_UID_OFFSET = 64;
    internal const int INET_DIAG_MSG_INODE_OFFSET = 68;
    internal const ushort INET_DIAG_REQ_BYTECODE = 1;
    internal const byte INET_DIAG_BC_JMP = 1;
    internal const byte INET_DIAG_BC_S_EQ = 11;
    internal const int INET_DIAG_BC_OP_LEN = 4;
    internal const ushort INET_DIAG_INFO = 2;

    // linux/tcp.h: struct tcp_info, 4 bytes each
    internal const int TCPI_LAST_DATA_SENT_OFFSET = 44;
    internal const int TCPI_LAST_DATA_RECV_OFFSET = 52;
    internal const int TCPI_LAST_ACK_RECV_OFFSET = 56;

    // asm-generic/errno-base.h, errno.h
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EIO = 5;
    internal const int EAGAIN = 11;
    internal const int EACCES = 13;
    internal const int EBUSY = 16;
    internal const int EEXIST = 17;
    internal const int EXDEV = 18;
    internal const int EINVAL = 22;
    internal const int ENFILE = 23;
    internal const int EPIPE = 32;
    internal const int ERANGE = 34;
    internal const int ENOTEMPTY = 39;
    internal const int EBADMSG = 74;
    internal const int ERESTART = 85;
    internal const int EMSGSIZE = 90;
    internal const int EPROTONOSUPPORT = 93;
    internal const int EOPNOTSUPP = 95;
    internal const int EAFNOSUPPORT = 97;
    internal const int EADDRINUSE = 98;
    internal const int ECONNRESET = 104;
    internal const int ENOBUFS = 105;
    internal const int ECONNREFUSED = 111;
    internal const int ESTALE = 116;

    /// <summary>An nf_tables message type as nlmsg_type carries it: the subsystem above, the operation below.</summary>
    internal static ushort NfTables(ushort operation) => (ushort)((NFNL_SUBSYS_NFTABLES << 8) | operation);

    /// <summary>NLMSG_ALIGN and NLA_ALIGN: both align to 4.</summary>
    internal static int Align(int length) => (length + NLA_ALIGNTO - 1) & ~(NLA_ALIGNTO - 1);
}
