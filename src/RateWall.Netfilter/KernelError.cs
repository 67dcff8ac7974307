using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>What an errno of nf_tables means to an operator.</summary>
internal static class KernelError
{
    /// <summary>Kernel states that pass by themselves: asking again is right (a batch that met one changed nothing).</summary>
    internal static bool IsTransient(int errno) => errno is EINTR or EAGAIN or ERESTART or ENOBUFS;

    /// <summary>An exception from an errno and the kernel's own words, if it had any.</summary>
    internal static NetfilterException Refused(string operation, int errno, string? kernelText = null, int? changeIndex = null)
    {
        string text = Describe(errno);
        return new(operation, errno, string.IsNullOrEmpty(kernelText) ? text : $"{text} ({kernelText})") { ChangeIndex = changeIndex };
    }

    /// <summary>An answer that does not follow the protocol.</summary>
    internal static NetfilterException Malformed(string operation, string fault) =>
        new(operation, EBADMSG, $"the kernel's answer cannot be read: {fault}");

    internal static string Describe(int errno) => errno switch
    {
        EPERM or EACCES => "Operation not permitted (CAP_NET_ADMIN is needed)",
        ENOENT => "No such table, set or element",
        EEXIST => "It exists already",
        ENFILE => "The set is full",
        ENOTEMPTY => "The interval overlaps one that is in the set",
        ERANGE => "A number or a time is out of range",
        ERESTART => "The ruleset was changed by somebody else meanwhile, again and again",
        ENOBUFS => "The kernel ran out of buffer space for the socket",
        EMSGSIZE => "The batch is larger than the socket may send",
        EPROTONOSUPPORT or EAFNOSUPPORT or ECONNREFUSED => "This kernel has no nfnetlink (module nfnetlink)",
        _ => $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})",
    };
}
