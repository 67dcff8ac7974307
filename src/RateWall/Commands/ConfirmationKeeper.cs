using RateWall.Systemd;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>Hands the taking back of an unconfirmed wall to somebody who outlives this program.</summary>
internal static class ConfirmationKeeper
{
    /// <summary>
    /// A timer of PID 1, where systemd is that and would act on this network namespace; else a process of its own.
    /// </summary>
    public static WallKeeper Available => SystemBus.IsSystemdRunning && NamespaceOf("self") is { } own && own == NamespaceOf("1")
        ? WallKeeper.Timer
        : WallKeeper.Process;

    /// <summary>Returns when the wall will be taken back, whatever becomes of this program.</summary>
    /// <exception cref="SystemdException">PID 1 refused.</exception>
    /// <exception cref="IOException">The process did not start.</exception>
    public static void Arm(Session session, UnconfirmedWall wall, TimeSpan wait)
    {
        string[] command =
        [
            .. OwnProgram.Command, "confirm", "--revert", "--only", wall.Id,
            "--config", Path.GetFullPath(session.ConfigPath), "--state-dir", Path.GetFullPath(session.StateDirectory),
        ];
        if (wall.Keeper == WallKeeper.Process)
        {
            DetachedProcess.Start([.. command, "--when-due"], OwnProgram.Environment);
            return;
        }

        using SystemBus bus = SystemBus.Connect();
        new SystemUnits(bus, session.Time).StartTimer(new(
            UnitOf(wall), "RateWall: takes an unconfirmed wall back", wait, command, OwnProgram.Environment));
    }

    /// <summary>
    /// Ends a wait that is over. The process looks for its wait every second and ends itself when that is gone; neither can do
    /// harm any more, so what cannot be stopped is only told.
    /// </summary>
    public static void Disarm(Session session, UnconfirmedWall wall)
    {
        if (wall.Keeper == WallKeeper.Process) return;
        try
        {
            using SystemBus bus = SystemBus.Connect();
            new SystemUnits(bus, session.Time).Stop(UnitOf(wall) + ".timer");
        }
        catch (SystemdException e)
        {
            session.Error.WriteLine($"ratewall: warning: {UnitOf(wall)}.timer could not be stopped and will find nothing to do: {e.Message}");
        }
    }

    private static string UnitOf(UnconfirmedWall wall) => $"ratewall-confirm-{wall.Id}";

    private static string? NamespaceOf(string process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/net").LinkTarget;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
