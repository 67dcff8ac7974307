using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>The customers: one machine, where each has an address of his own, from 101 on.</summary>
public sealed class Customers : IDisposable
{
    private const int UsualPatience = 30;
    private const string Running = "/run/customers";

    private readonly Container machine;
    private int tries;

    public Customers(Container machine)
    {
        this.machine = machine;
        machine.CopyIn(Checkout.Path("containers", "attack.pl"), "/usr/local/bin/attack");
        machine.AddAddresses(Enumerable.Range(0, 20).Select(AddressOf));
        machine.Exec("mkdir", Running).MustSucceed("mkdir");
    }

    /// <summary>The address of a customer.</summary>
    /// <param name="customer">His number, from 0 to 19.</param>
    public string AddressOf(int customer) => machine.Network.Address(101 + customer);

    /// <summary>Seconds until a customer gives up; to be set before <see cref="Keep"/>.</summary>
    public int Patience { get; set; } = UsualPatience;

    /// <summary>All log in, again and again, until <see cref="Enough"/>.</summary>
    internal void Keep(params IReadOnlyList<Login> logins)
    {
        tries = logins.Count;
        machine.Write($"{Running}/logins", string.Concat(logins.Select(l => l.Line)));
        // A second's pause is a human's; nothing waits for it.
        machine.Start("sh", "-c", string.Create(CultureInfo.InvariantCulture, $$"""
            cd {{Running}}; : >answers
            until [ -e enough ]; do perl /usr/local/bin/attack {{tries}} 0 {{Patience}} <logins >round; cat round >>answers; sleep 1; done
            touch gone
            """));
    }

    /// <summary>How often all of them have had their answers.</summary>
    public int Rounds => tries == 0 ? 0 : Answers().Count / tries;

    /// <summary>Waits until all have tried so many times more.</summary>
    public void AwaitRounds(int more, Func<string> seen)
    {
        int until = Rounds + more;
        Eventually.True($"{more} more rounds of logins", TimeSpan.FromSeconds(3 * Patience * more), () => Rounds >= until, seen);
    }

    /// <summary>What they were answered so far, in order.</summary>
    public IReadOnlyList<string> Answers() => machine.Exec("cat", $"{Running}/answers").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Lets them finish, and says what they were answered from the beginning.</summary>
    public IReadOnlyList<string> Enough()
    {
        machine.Exec("touch", $"{Running}/enough").MustSucceed("touch");
        Eventually.True("the customers have finished", TimeSpan.FromSeconds(4 * Patience), () => machine.Exec("test", "-e", $"{Running}/gone").ExitCode == 0);
        return Answers();
    }

    /// <summary>Ends what the last story left.</summary>
    public void Leave()
    {
        if (tries > 0) Enough();
        machine.Exec("sh", "-c", $"rm -f {Running}/*").MustSucceed("rm");
        (tries, Patience) = (0, UsualPatience);
    }

    public void Dispose() => machine.Dispose();
}
