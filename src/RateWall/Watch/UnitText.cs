using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Watch;

/// <summary>What happened to a unit, in sentences for people.</summary>
public static class UnitText
{
    /// <summary>The act as history, answers and policy write it.</summary>
    public static string Word(UnitAct act) => act.ToString().ToLowerInvariant();

    /// <summary>Why something is done: "dovecot.service has 96 tasks, 80 are too many".</summary>
    public static string Reason(UnitEvent happened, UnitPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(happened);
        ArgumentNullException.ThrowIfNull(policy);
        string has = $"{policy.Unit} has {happened.Count} {policy.Counted}";
        return happened.Act switch
        {
            UnitAct.Warn => $"{has}, {happened.Level} are many",
            UnitAct.Over => $"{has}, {happened.Level} are normal",
            UnitAct.Restarted => $"{policy.Unit} was restarted, and not by RateWall",
            UnitAct.Back => $"{policy.Unit} runs again",
            UnitAct.Start => $"{policy.Unit} was stopped, and it is time to start it",
            _ => $"{has}, {happened.Level} are too many",
        };
    }

    /// <summary>What is done, in words that follow the reason.</summary>
    public static string Deed(UnitEvent happened, UnitPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(happened);
        ArgumentNullException.ThrowIfNull(policy);
        string services = string.Join(", ", policy.Services);
        return happened.Act switch
        {
            UnitAct.Ban => $"banning who holds connections to {services}",
            UnitAct.Siege => $"siege of {services} until {HumanTime.Time(happened.Until!.Value, TimeZoneInfo.Local)}",
            UnitAct.Restart => "restarting it",
            UnitAct.Stop => $"stopping it until {HumanTime.Time(happened.Until!.Value, TimeZoneInfo.Local)} at the latest",
            UnitAct.Start => "starting it",
            _ => "",
        };
    }
}
