namespace RateWall.Netfilter;

/// <summary>The kernel, or libnftables, refused. The text is for an operator: what was asked, what came back.</summary>
public class NetfilterException : Exception
{
    /// <param name="operation">What was asked for, as a phrase ("add element to ban4").</param>
    /// <param name="errno">The positive errno, or 0 when there is none.</param>
    /// <param name="detail">The kernel's own words (extended ACK) or libnftables' message.</param>
    public NetfilterException(string operation, int errno, string detail)
        : base($"{operation}: {detail}")
    {
        Operation = operation;
        Errno = errno;
        Detail = detail;
    }

    /// <summary>What was asked for.</summary>
    public string Operation { get; }

    /// <summary>The kernel's own words, or libnftables'.</summary>
    public string Detail { get; }

    /// <summary>The positive errno (asm-generic/errno.h), or 0.</summary>
    public int Errno { get; }

    /// <summary>The index of the refused change in its batch, or null when it is not about one.</summary>
    public int? ChangeIndex { get; init; }

    /// <summary>True when the caller lacks CAP_NET_ADMIN (EPERM 1, EACCES 13).</summary>
    public bool IsNotPermitted => Errno is 1 or 13;

    /// <summary>True when what was named is not there (ENOENT 2).</summary>
    public bool IsNotFound => Errno == 2;

    /// <summary>True when a set has no room for one more element (ENFILE 23).</summary>
    public bool IsSetFull => Errno == 23;
}
