using System.Runtime.InteropServices;
using RateWall.Systemd;

namespace RateWall.Commands;

/// <summary>
/// A program that stays until it is told to end (SIGTERM, Ctrl-C), and tells the service manager, where there is one, that it
/// has started, is alive, and ends.
/// </summary>
internal sealed class ResidentProgram : IDisposable
{
    private readonly ServiceNotification manager = ServiceNotification.FromEnvironment();
    private readonly CancellationTokenSource stopping = new();
    private readonly List<PosixSignalRegistration> signals = [];

    public ResidentProgram()
    {
        foreach (PosixSignal signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT })
        {
            signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                stopping.Cancel();
            }));
        }
    }

    /// <summary>True when it has said that it has started.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Cancelled when it is told to end.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>True when it has been told to end.</summary>
    public bool IsStopping => stopping.IsCancellationRequested;

    /// <summary>Says that it has started, once: the manager waits for that before it starts what comes after.</summary>
    public void Ready()
    {
        if (!IsReady) manager.Ready();
        IsReady = true;
    }

    /// <summary>Says that it is alive; false: it has been told to end. To be called between any two steps and while waiting.</summary>
    public bool GoOn()
    {
        manager.Watchdog();
        return !IsStopping;
    }

    /// <summary>Says that it ends.</summary>
    public void End() => manager.Stopping();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in signals) signal.Dispose();
        stopping.Dispose();
    }
}
