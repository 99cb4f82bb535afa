-- # Insert version,auto key,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (k BIGINT, v BINARY(8)); INSERT INTO [passes] ([seat]) OUTPUT inserted.[id], inserted.[rev] INTO @made (k, v) VALUES (@p1); SELECT k, v FROM @made
-- mssql.VarCharMax(1)

-- # InsertMany version,auto key,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (k BIGINT, v BINARY(8)); INSERT INTO [passes] ([seat]) OUTPUT inserted.[id], inserted.[rev] INTO @made (k, v) SELECT c1 FROM (VALUES (0, @p1), (1, @p2)) AS r (n, c1) ORDER BY n; SELECT k, v FROM @made ORDER BY k
-- mssql.VarCharMax(2) | mssql.VarCharMax(3)

-- # InsertMany version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION
DECLARE @made TABLE (v BINARY(8)); INSERT INTO [guests] ([id]) OUTPUT inserted.[rev] INTO @made (v) VALUES (@p1); SELECT v FROM @made
-- mssql.UniqueIdentifier(01000000-0000-0000-0000-000000000000)
DECLARE @made TABLE (v BINARY(8)); INSERT INTO [guests] ([id]) OUTPUT inserted.[rev] INTO @made (v) VALUES (@p1); SELECT v FROM @made
-- mssql.UniqueIdentifier(02000000-0000-0000-0000-000000000000)
COMMIT TRANSACTION

-- # Save version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (v BINARY(8)); DECLARE @n INT; UPDATE [passes] SET [seat] = @p1 OUTPUT inserted.[rev] INTO @made (v) WHERE [id] = @p2 AND [rev] = @p3; SET @n = @@ROWCOUNT; SELECT @n, v FROM @made
-- mssql.VarCharMax(1) | int64(41) | []uint8([0 0 0 0 0 0 7 209])

-- # Touch version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (v BINARY(8)); DECLARE @n INT; UPDATE [passes] SET [seat] = [seat] OUTPUT inserted.[rev] INTO @made (v) WHERE [id] = @p1 AND [rev] = @p2; SET @n = @@ROWCOUNT; SELECT @n, v FROM @made
-- int64(41) | []uint8([0 0 0 0 0 0 7 209])

-- # Modify version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [rev], [seat] FROM [passes] WHERE [id] = @p1
-- int64(1)
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (v BINARY(8)); DECLARE @n INT; UPDATE [passes] SET [seat] = @p1 OUTPUT inserted.[rev] INTO @made (v) WHERE [id] = @p2 AND [rev] = @p3; SET @n = @@ROWCOUNT; SELECT @n, v FROM @made
-- mssql.VarCharMax(e) | int64(1) | []uint8([0 0 0 0 0 0 7 209])

-- # Delete version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DELETE FROM [passes] WHERE [id] = @p1 AND [rev] = @p2; SELECT @@ROWCOUNT
-- int64(41) | []uint8([0 0 0 0 0 0 7 209])

-- # Count version,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [passes] WHERE ([rev] > @p1 AND [seat] LIKE CAST(@p2 AS VARCHAR(8000)) ESCAPE '|')
-- []uint8([0 0 0 0 0 0 0 5]) | mssql.VarCharMax(a%)

-- # DDL
IF OBJECT_ID(N'[league].[players]') IS NULL CREATE TABLE [league].[players] (
  [id] BIGINT NOT NULL,
  [version] BIGINT NOT NULL DEFAULT 0,
  [name] NVARCHAR(120) COLLATE Latin1_General_100_BIN2 NOT NULL,
  [club] BIGINT NULL,
  [worth] DECIMAL(19, 4) NOT NULL,
  [born] DATETIME2(7) NOT NULL,
  [active] BIT NOT NULL,
  [marks] NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2 NULL,
  [face] VARBINARY(MAX) NULL,
  [order] NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2 NULL,
  PRIMARY KEY ([id])
)
CREATE UNIQUE INDEX [players_name] ON [league].[players] ([name])
CREATE INDEX [players_club] ON [league].[players] ([club])

-- # DDL
IF OBJECT_ID(N'[matches]') IS NULL CREATE TABLE [matches] (
  [season] NVARCHAR(18) COLLATE Latin1_General_100_BIN2 NOT NULL,
  [day] BIGINT NOT NULL,
  [version] BIGINT NOT NULL DEFAULT 0,
  [goals] BIGINT NOT NULL,
  PRIMARY KEY ([season], [day])
)

-- # DDL
IF OBJECT_ID(N'[tickets]') IS NULL CREATE TABLE [tickets] (
  [id] BIGINT IDENTITY(1, 1) NOT NULL,
  [version] BIGINT NOT NULL DEFAULT 0,
  [seat] NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2 NOT NULL,
  PRIMARY KEY ([id])
)

-- # Insert
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; INSERT INTO [league].[players] ([id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order]) VALUES (@p1, @p2, @p3, @p4, CAST(@p5 AS DECIMAL(19, 4)), @p6, @p7, @p8, @p9, @p10); SELECT @@ROWCOUNT
-- int64(7) | int64(1) | mssql.NVarCharMax(Lineker) | sql.NullInt64({0 false}) | mssql.NVarCharMax(1.5000) | civil.DateTime(1961-06-21T00:00:00) | bool(false) | sql.NullString({ false}) | []uint8([]) | sql.NullString({ false})

-- # InsertMany
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; INSERT INTO [league].[players] ([id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order]) VALUES (@p1, @p2, @p3, @p4, CAST(@p5 AS DECIMAL(19, 4)), @p6, @p7, @p8, @p9, @p10), (@p11, @p12, @p13, @p14, CAST(@p15 AS DECIMAL(19, 4)), @p16, @p17, @p18, @p19, @p20); SELECT @@ROWCOUNT
-- int64(8) | int64(1) | mssql.NVarCharMax() | sql.NullInt64({0 false}) | mssql.NVarCharMax(0.0000) | civil.DateTime(0001-01-01T00:00:00) | bool(false) | sql.NullString({ false}) | []uint8([]) | sql.NullString({ false}) | int64(9) | int64(1) | mssql.NVarCharMax() | sql.NullInt64({0 false}) | mssql.NVarCharMax(0.0000) | civil.DateTime(0001-01-01T00:00:00) | bool(false) | sql.NullString({ false}) | []uint8([]) | sql.NullString({ false})

-- # InsertMany key,auto
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DECLARE @made TABLE (k BIGINT); INSERT INTO [tickets] ([version], [seat]) OUTPUT inserted.[id] INTO @made (k) SELECT c1, c2 FROM (VALUES (0, @p1, @p2), (1, @p3, @p4)) AS r (n, c1, c2) ORDER BY n; SELECT k FROM @made ORDER BY k
-- int64(1) | mssql.NVarCharMax(1) | int64(1) | mssql.NVarCharMax(2)

-- # Get
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE [id] = @p1
-- int64(7)

-- # Get composite
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [season], [day], [version], [goals] FROM [matches] WHERE [season] = CAST(@p1 AS NVARCHAR(4000)) AND ([season] + N'|') COLLATE Latin1_General_100_BIN2 = @p2 + N'|' AND [day] = @p3
-- mssql.NVarCharMax(1985/86) | mssql.NVarCharMax(1985/86) | int64(1)

-- # GetMany
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE [id] IN (@p1, @p2, @p3, @p4)
-- int64(7) | int64(8) | int64(9) | int64(9)

-- # GetMany composite
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [season], [day], [version], [goals] FROM [matches] WHERE ([season] = CAST(@p1 AS NVARCHAR(4000)) AND [day] = @p2) OR ([season] = CAST(@p3 AS NVARCHAR(4000)) AND [day] = @p4) OR ([season] = CAST(@p5 AS NVARCHAR(4000)) AND [day] = @p6) OR ([season] = CAST(@p7 AS NVARCHAR(4000)) AND [day] = @p8)
-- mssql.NVarCharMax(a) | int64(1) | mssql.NVarCharMax(b) | int64(2) | mssql.NVarCharMax(c) | int64(3) | mssql.NVarCharMax(c) | int64(3)

-- # IsStale
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [version] FROM [league].[players] WHERE [id] = @p1
-- int64(7)

-- # Save
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE [league].[players] SET [name] = @p1, [club] = @p2, [worth] = CAST(@p3 AS DECIMAL(19, 4)), [born] = @p4, [active] = @p5, [marks] = @p6, [face] = @p7, [order] = @p8, [version] = @p9 WHERE [id] = @p10 AND [version] = @p11; SELECT @@ROWCOUNT
-- mssql.NVarCharMax(Lineker) | sql.NullInt64({0 false}) | mssql.NVarCharMax(1.5000) | civil.DateTime(1961-06-21T00:00:00) | bool(false) | sql.NullString({ false}) | []uint8([]) | sql.NullString({ false}) | int64(2) | int64(7) | int64(1)

-- # Save without version
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE [matches] SET [goals] = @p1, [version] = @p2 WHERE [season] = CAST(@p3 AS NVARCHAR(4000)) AND ([season] + N'|') COLLATE Latin1_General_100_BIN2 = @p4 + N'|' AND [day] = @p5 AND ([version] = 0 OR [version] IS NULL); SELECT @@ROWCOUNT
-- int64(0) | int64(1) | mssql.NVarCharMax(1985/86) | mssql.NVarCharMax(1985/86) | int64(1)

-- # Touch
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE [league].[players] SET [version] = @p1 WHERE [id] = @p2 AND [version] = @p3; SELECT @@ROWCOUNT
-- int64(3) | int64(7) | int64(2)

-- # Modify
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE [id] = @p1
-- int64(7)
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE [league].[players] SET [name] = @p1, [active] = @p2, [version] = @p3 WHERE [id] = @p4 AND [version] = @p5; SELECT @@ROWCOUNT
-- mssql.NVarCharMax(Gary) | bool(false) | int64(4) | int64(7) | int64(3)

-- # Delete
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DELETE FROM [league].[players] WHERE [id] = @p1 AND [version] = @p2; SELECT @@ROWCOUNT
-- int64(7) | int64(3)

-- # Delete without version
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DELETE FROM [matches] WHERE [season] = CAST(@p1 AS NVARCHAR(4000)) AND ([season] + N'|') COLLATE Latin1_General_100_BIN2 = @p2 + N'|' AND [day] = @p3 AND ([version] = 0 OR [version] IS NULL); SELECT @@ROWCOUNT
-- mssql.NVarCharMax(1985/86) | mssql.NVarCharMax(1985/86) | int64(1)

-- # DeleteKey
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DELETE FROM [league].[players] WHERE [id] = @p1; SELECT @@ROWCOUNT
-- int64(7)

-- # Atomic
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION
SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WITH (UPDLOCK, ROWLOCK) WHERE [id] = @p1
-- int64(7)
UPDATE [league].[players] SET [name] = @p1, [version] = @p2 WHERE [id] = @p3 AND [version] = @p4; SELECT @@ROWCOUNT
-- mssql.NVarCharMax(Gary) | int64(4) | int64(7) | int64(3)
COMMIT TRANSACTION

-- # View
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION
SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE [id] = @p1
-- int64(7)
IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET TRANSACTION ISOLATION LEVEL READ COMMITTED

-- # Atomic in a caller's pool
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION
COMMIT TRANSACTION

-- # Count everything
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players]

-- # Count Eq
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [name] = CAST(@p1 AS NVARCHAR(4000))
-- mssql.NVarCharMax(x)

-- # Count Eq nil
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [club] IS NULL

-- # Count Ne
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [name] <> CAST(@p1 AS NVARCHAR(4000))
-- mssql.NVarCharMax(x)

-- # Count Ne nil
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [club] IS NOT NULL

-- # Count Lt and Ge
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE ([born] < @p1 AND [born] >= @p2)
-- civil.DateTime(1961-06-21T00:00:00) | civil.DateTime(0001-01-01T00:00:00)

-- # Count Le or Gt
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE ([worth] <= CAST(@p1 AS DECIMAL(19, 4)) OR [worth] > CAST(@p2 AS DECIMAL(19, 4)))
-- mssql.NVarCharMax(1.5000) | mssql.NVarCharMax(2.0000)

-- # Count In
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [id] IN (@p1, @p2, @p3, @p4)
-- int64(1) | int64(2) | int64(3) | int64(3)

-- # Count In none
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE 1 = 0

-- # Count Not In
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [club] NOT IN (@p1)
-- int64(1)

-- # Count Prefix
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE [name] LIKE CAST(@p1 AS NVARCHAR(4000)) ESCAPE '|'
-- mssql.NVarCharMax(50|%|_||\%)

-- # Count Not
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE (([active] <> @p1 OR [active] IS NULL) OR ([name] NOT LIKE CAST(@p2 AS NVARCHAR(4000)) ESCAPE '|' OR [name] IS NULL))
-- bool(true) | mssql.NVarCharMax(x%)

-- # Count AllOf none, AnyOf none
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE (1 = 1 OR 1 = 0)

-- # Count Eq of bytes
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE ([face] = @p1 AND DATALENGTH([face]) = DATALENGTH(@p1))
-- []uint8([1])

-- # Count Not In of bytes
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE ((NOT ([face] = @p1 AND DATALENGTH([face]) = DATALENGTH(@p1)) AND NOT ([face] = @p2 AND DATALENGTH([face]) = DATALENGTH(@p2))) OR [face] IS NULL)
-- []uint8([1]) | []uint8([2])

-- # Count Native
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT_BIG(*) FROM [league].[players] WHERE ((name LIKE @p1 -- so
) AND [id] > @p2)
-- string(x%) | int64(1)

-- # Page, the first
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE [active] = @p1 ORDER BY [club], [name] DESC, [id] OFFSET 0 ROWS FETCH NEXT @p2 ROWS ONLY
-- bool(true) | int64(3)

-- # Page, the next
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [id], [version], [name], [club], [worth], [born], [active], [marks], [face], [order] FROM [league].[players] WHERE ([active] = @p1 AND ([club] IS NOT NULL OR ([club] IS NULL AND (([name] < CAST(@p2 AS NVARCHAR(4000)) OR [name] IS NULL) OR ([name] = CAST(@p3 AS NVARCHAR(4000)) AND [id] > @p4))))) ORDER BY [club], [name] DESC, [id] OFFSET 0 ROWS FETCH NEXT @p5 ROWS ONLY
-- bool(true) | mssql.NVarCharMax(Lineker) | mssql.NVarCharMax(Lineker) | int64(7) | int64(3)

-- # First
SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT [season], [day], [version], [goals] FROM [matches] WHERE [season] = CAST(@p1 AS NVARCHAR(4000)) ORDER BY [goals] DESC, [season], [day] OFFSET 0 ROWS FETCH NEXT @p2 ROWS ONLY
-- mssql.NVarCharMax(1985/86) | int64(1)

