global using Xunit;

[assembly: TestCollectionOrderer("RateWall.IntegrationTests.Machine.LongestFirst", "RateWall.IntegrationTests")]
