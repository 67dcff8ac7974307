using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>A measure that was put on a service.</summary>
/// <param name="Service">The service.</param>
/// <param name="Stood">True when it was under the same kind of measure before.</param>
/// <param name="Words">"under siege", "in lockdown".</param>
/// <param name="Note">What that means here.</param>
internal sealed record MeasureBegun(string Service, bool Stood, string Words, string Note);

/// <summary>How siege and lockdown answer.</summary>
internal static class MeasureAnswer
{
    /// <summary>Tells what was begun or moved.</summary>
    public static void Begun(Session session, string verb, DateTimeOffset until, IReadOnlyList<MeasureBegun> services)
    {
        if (session.Format == OutputFormat.Json)
        {
            ChangeItemForm[] items = [.. services.Select(s => new ChangeItemForm(s.Service, s.Stood ? "moved" : "begun", HumanTime.Rfc3339(until), s.Note))];
            AnswerJson.Write(session.Out, new ChangeForm(verb, Changed: true, items), AnswerJson.Default.ChangeForm);
            return;
        }

        foreach (MeasureBegun service in services)
            session.Out.WriteLine($"{service.Service} is {service.Words} until {HumanTime.Time(until, TimeZoneInfo.Local)}: {service.Note}");
    }

    /// <summary>Tells what was ended; the answer is no when nothing was there to end.</summary>
    public static ExitCode Ended(Session session, string verb, IReadOnlyList<ServicePolicy> asked, IReadOnlyList<ServicePolicy> ended)
    {
        if (session.Format == OutputFormat.Json)
        {
            ChangeItemForm[] items = [.. asked.Select(s => new ChangeItemForm(s.Name, ended.Contains(s) ? "ended" : "absent"))];
            AnswerJson.Write(session.Out, new ChangeForm(verb, ended.Count > 0, items), AnswerJson.Default.ChangeForm);
        }
        else
        {
            foreach (ServicePolicy service in asked)
                session.Out.WriteLine(ended.Contains(service) ? $"the {verb} of {service.Name} is over" : $"there is no {verb} of {service.Name}");
        }

        return ended.Count > 0 ? ExitCode.Done : ExitCode.No;
    }
}
