using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>NLMSG_ERROR: an errno, 0 for a plain acknowledgement, and the extended ACK's text and offset where there are any.</summary>
/// <param name="Errno">The positive errno, or 0.</param>
/// <param name="Text">The kernel's own words (NLMSGERR_ATTR_MSG), or null.</param>
/// <param name="Offset">Where in the request the refused attribute begins (NLMSGERR_ATTR_OFFS), or null.</param>
internal readonly record struct Acknowledgement(int Errno, string? Text, uint? Offset)
{
    /// <summary>Reads the body of an NLMSG_ERROR, or of an NLMSG_DONE, which begins with an errno too.</summary>
    /// <param name="message">The message.</param>
    /// <param name="fault">What was wrong with it, or null.</param>
    public static Acknowledgement Read(in NetlinkMessage message, out string? fault)
    {
        fault = null;
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < sizeof(int))
        {
            fault = $"an acknowledgement of {body.Length} bytes";
            return default;
        }

        int error = MemoryMarshal.Read<int>(body);
        // int.MinValue has no positive counterpart; no errno is beyond 4095 (MAX_ERRNO, linux/err.h).
        if (error is > 0 or < -4095)
        {
            fault = $"an acknowledgement with the error {error}";
            return default;
        }

        if (message.Type != NLMSG_ERROR || (message.Flags & NLM_F_ACK_TLVS) == 0) return new(-error, null, null);
        return ReadExtended(-error, message, out fault);
    }

    private static Acknowledgement ReadExtended(int errno, in NetlinkMessage message, out string? fault)
    {
        // The refused request's header follows the errno; all of the request, unless the kernel capped it.
        ReadOnlySpan<byte> rest = message.Body[sizeof(int)..];
        fault = $"an acknowledgement of {message.Body.Length} bytes";
        if (rest.Length < NLMSG_HDRLEN) return default;
        uint skip = (message.Flags & NLM_F_CAPPED) != 0 ? NLMSG_HDRLEN : MemoryMarshal.Read<uint>(rest);
        if (skip < NLMSG_HDRLEN || skip > (uint)rest.Length) return default;

        string? text = null;
        uint? offset = null;
        var attributes = new AttributeReader(rest[Math.Min(Align((int)skip), rest.Length)..]);
        while (attributes.Next())
        {
            if (attributes.Type == NLMSGERR_ATTR_MSG) text = attributes.Text();
            else if (attributes.Type == NLMSGERR_ATTR_OFFS) offset = attributes.HostU32();
        }

        fault = attributes.Fault;
        return new(errno, text, offset);
    }
}
