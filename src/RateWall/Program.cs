return RateWall.Commands.CommandLine.Run(args);
