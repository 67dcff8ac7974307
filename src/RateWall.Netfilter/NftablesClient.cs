using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Set elements and counters of nftables over nfnetlink, without a child process. It stays in the network namespace it was
/// opened in. Not thread-safe.
/// </summary>
/// <remarks>
/// Every member throws <see cref="NetfilterException"/> when the kernel refuses (<see cref="NetfilterException.IsNotPermitted"/>
/// without CAP_NET_ADMIN). What passes by itself, such as a commit of another program in between, is tried again.
/// </remarks>
public sealed partial class NftablesClient : IDisposable
{
    private readonly NetlinkSocket socket;
    private readonly KernelRetry retry;
    private readonly NetlinkExchange exchange;

    private NftablesClient(NetlinkSocket socket, TimeProvider time)
    {
        this.socket = socket;
        exchange = new(socket);
        retry = new(time);
    }

    /// <summary>Opens a netlink socket in the current network namespace.</summary>
    /// <exception cref="NetfilterException">The kernel has no nfnetlink.</exception>
    public static NftablesClient Open() => Open(TimeProvider.System);

    /// <summary>Opens a netlink socket in the current network namespace.</summary>
    /// <param name="time">What the waits between tries go by.</param>
    /// <exception cref="NetfilterException">The kernel has no nfnetlink.</exception>
    public static NftablesClient Open(TimeProvider time) => new(NetlinkSocket.Open(), time);

    /// <summary>The ruleset's generation: changes with every committed transaction of anybody.</summary>
    public uint GetGeneration() => retry.Execute(() => ReadGeneration());

    /// <summary>True when the table is there.</summary>
    public bool TableExists(TableName table) => retry.Execute(() => FindTable(table));

    /// <summary>The table's named sets and maps; anonymous ones are left out.</summary>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public IReadOnlyList<SetDescription> ListSets(TableName table) => retry.Execute(() =>
    {
        string operation = $"list the sets of {table}";
        MustExist(operation, table);
        var sets = new List<SetDescription>();
        Dump(operation, Request(NFT_MSG_GETSET, table), NFT_MSG_NEWSET, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            SetShape set = SetShape.Read(ref attributes, out string owner);
            MustBeWhole(operation, attributes);
            if (owner == table.Name && !set.IsAnonymous) sets.Add(set.Description);
        });
        return sets;
    });

    /// <summary>The table's named counters.</summary>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public IReadOnlyList<NamedCounter> ListCounters(TableName table) => retry.Execute(() =>
    {
        string operation = $"list the counters of {table}";
        MustExist(operation, table);
        var counters = new List<NamedCounter>();
        MessageBytes request = Request(NFT_MSG_GETOBJ, table, (ref MessageWriter writer) => writer.U32(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER));
        Dump(operation, request, NFT_MSG_NEWOBJ, (in NetlinkMessage message) =>
        {
            string? owner = null, name = null;
            uint type = 0;
            (ulong Packets, ulong Bytes) value = default;
            AttributeReader attributes = message.Attributes();
            while (attributes.Next())
            {
                switch (attributes.Type)
                {
                    case NFTA_OBJ_TABLE: owner = attributes.Text(); break;
                    case NFTA_OBJ_NAME: name = attributes.Text(); break;
                    case NFTA_OBJ_TYPE: type = attributes.U32(); break;
                    case NFTA_OBJ_DATA when type is NFT_OBJECT_COUNTER or 0:
                        AttributeReader counter = attributes.Nested();
                        value = KernelElement.ReadCounter(ref counter);
                        attributes.Absorb(counter);
                        break;
                }
            }

            MustBeWhole(operation, attributes);
            if (owner == table.Name && type == NFT_OBJECT_COUNTER && name is not null) counters.Add(new(name, value.Packets, value.Bytes));
        });
        return counters;
    });

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private uint ReadGeneration(Action<byte[]>? whole = null)
    {
        const string operation = "ask for the ruleset's generation";
        uint? generation = null;
        Acknowledgement answer = Ask(operation, Request(NFT_MSG_GETGEN, default), NFT_MSG_NEWGEN, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            while (attributes.Next())
            {
                if (attributes.Type == NFTA_GEN_ID) generation = attributes.U32();
            }

            MustBeWhole(operation, attributes);
            whole?.Invoke(message.Whole.ToArray());
        });

        // nfnetlink answers EINVAL when nobody registered the subsystem.
        if (answer.Errno is EINVAL or EOPNOTSUPP)
            throw new NetfilterException(operation, answer.Errno, "this kernel has no nf_tables (module nf_tables)");
        MustSucceed(operation, answer);
        return generation ?? throw KernelError.Malformed(operation, "no NFTA_GEN_ID");
    }

    private bool FindTable(TableName table)
    {
        string operation = $"look for {table}";
        bool found = false;
        Acknowledgement answer = Ask(operation, Request(NFT_MSG_GETTABLE, table), NFT_MSG_NEWTABLE, (in NetlinkMessage _) => found = true);
        if (answer.Errno == ENOENT) return false;
        MustSucceed(operation, answer);
        return found;
    }

    private void MustExist(string operation, TableName table)
    {
        if (!FindTable(table)) throw KernelError.Refused(operation, ENOENT);
    }

    private static void MustSucceed(string operation, in Acknowledgement answer)
    {
        if (answer.Errno != 0) throw KernelError.Refused(operation, answer.Errno, answer.Text);
    }

    private static void MustBeWhole(string operation, in AttributeReader attributes)
    {
        if (attributes.Fault is { } fault) throw KernelError.Malformed(operation, fault);
    }
}
