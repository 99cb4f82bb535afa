-- # DDL
CREATE TABLE IF NOT EXISTS `league`.`players` (
  `id` BIGINT NOT NULL,
  `version` BIGINT NOT NULL DEFAULT 0,
  `name` VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  `club` BIGINT NULL,
  `worth` DECIMAL(19, 4) NOT NULL,
  `born` DATETIME(6) NOT NULL,
  `active` TINYINT(1) NOT NULL,
  `marks` JSON NULL,
  `face` LONGBLOB NULL,
  `order` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
CREATE UNIQUE INDEX `players_name` ON `league`.`players` (`name`)
CREATE INDEX `players_club` ON `league`.`players` (`club`)
CREATE TRIGGER `league`.`players_version` BEFORE UPDATE ON `league`.`players` FOR EACH ROW SET NEW.`version` = IF(NEW.`version` <=> OLD.`version`, COALESCE(OLD.`version`, 0) + 1, NEW.`version`)

-- # DDL
CREATE TABLE IF NOT EXISTS `matches` (
  `season` VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  `day` BIGINT NOT NULL,
  `version` BIGINT NOT NULL DEFAULT 0,
  `goals` BIGINT NOT NULL,
  PRIMARY KEY (`season`, `day`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
CREATE TRIGGER `matches_version` BEFORE UPDATE ON `matches` FOR EACH ROW SET NEW.`version` = IF(NEW.`version` <=> OLD.`version`, COALESCE(OLD.`version`, 0) + 1, NEW.`version`)

-- # DDL
CREATE TABLE IF NOT EXISTS `tickets` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `version` BIGINT NOT NULL DEFAULT 0,
  `seat` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
CREATE TRIGGER `tickets_version` BEFORE UPDATE ON `tickets` FOR EACH ROW SET NEW.`version` = IF(NEW.`version` <=> OLD.`version`, COALESCE(OLD.`version`, 0) + 1, NEW.`version`)

-- # Insert
INSERT INTO `league`.`players` (`id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
-- 7 | 1 | Lineker | <nil> | 1.5000 | 1961-06-21 00:00:00 +0000 UTC | false | <nil> | <nil> | <nil>

-- # InsertMany
INSERT INTO `league`.`players` (`id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
-- 8 | 1 |  | <nil> | 0.0000 | 0001-01-01 00:00:00 | false | <nil> | <nil> | <nil> | 9 | 1 |  | <nil> | 0.0000 | 0001-01-01 00:00:00 | false | <nil> | <nil> | <nil>

-- # InsertMany key,auto
SELECT @@SESSION.auto_increment_increment
INSERT INTO `tickets` (`version`, `seat`) VALUES (?, ?), (?, ?)
-- 1 | 1 | 1 | 2

-- # Get
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `id` = ?
-- 7

-- # Get composite
SELECT `season`, `day`, `version`, `goals` FROM `matches` WHERE `season` = ? AND CONVERT(`season` USING utf8mb4) COLLATE utf8mb4_0900_bin = ? AND `day` = ?
-- 1985/86 | 1985/86 | 1

-- # GetMany
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `id` IN (?, ?, ?, ?)
-- 7 | 8 | 9 | 9

-- # GetMany composite
SELECT `season`, `day`, `version`, `goals` FROM `matches` WHERE (`season` = ? AND `day` = ?) OR (`season` = ? AND `day` = ?) OR (`season` = ? AND `day` = ?) OR (`season` = ? AND `day` = ?)
-- a | 1 | b | 2 | c | 3 | c | 3

-- # IsStale
SELECT `version` FROM `league`.`players` WHERE `id` = ?
-- 7

-- # Save
UPDATE `league`.`players` SET `name` = ?, `club` = ?, `worth` = ?, `born` = ?, `active` = ?, `marks` = ?, `face` = ?, `order` = ?, `version` = ? WHERE `id` = ? AND `version` = ?
-- Lineker | <nil> | 1.5000 | 1961-06-21 00:00:00 +0000 UTC | false | <nil> | <nil> | <nil> | 2 | 7 | 1

-- # Save without version
UPDATE `matches` SET `goals` = ?, `version` = ? WHERE `season` = ? AND CONVERT(`season` USING utf8mb4) COLLATE utf8mb4_0900_bin = ? AND `day` = ? AND (`version` = 0 OR `version` IS NULL)
-- 0 | 1 | 1985/86 | 1985/86 | 1

-- # Touch
UPDATE `league`.`players` SET `version` = ? WHERE `id` = ? AND `version` = ?
-- 3 | 7 | 2

-- # Modify
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `id` = ?
-- 7
UPDATE `league`.`players` SET `name` = ?, `active` = ?, `version` = ? WHERE `id` = ? AND `version` = ?
-- Gary | false | 4 | 7 | 3

-- # Delete
DELETE FROM `league`.`players` WHERE `id` = ? AND `version` = ?
-- 7 | 3

-- # Delete without version
DELETE FROM `matches` WHERE `season` = ? AND CONVERT(`season` USING utf8mb4) COLLATE utf8mb4_0900_bin = ? AND `day` = ? AND (`version` = 0 OR `version` IS NULL)
-- 1985/86 | 1985/86 | 1

-- # DeleteKey
DELETE FROM `league`.`players` WHERE `id` = ?
-- 7

-- # Atomic
START TRANSACTION READ WRITE
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `id` = ? FOR UPDATE
-- 7
UPDATE `league`.`players` SET `name` = ?, `version` = ? WHERE `id` = ? AND `version` = ?
-- Gary | 4 | 7 | 3
COMMIT AND NO CHAIN NO RELEASE

-- # View
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
START TRANSACTION READ ONLY
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `id` = ?
-- 7
ROLLBACK AND NO CHAIN NO RELEASE

-- # Atomic in a caller's pool
SET TRANSACTION ISOLATION LEVEL READ COMMITTED
START TRANSACTION READ WRITE
COMMIT AND NO CHAIN NO RELEASE

-- # Count everything
SELECT COUNT(*) FROM `league`.`players`

-- # Count Eq
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE 1 = 0
SELECT COUNT(*) FROM `league`.`players` WHERE `name` = ?
-- x

-- # Count Eq nil
SELECT COUNT(*) FROM `league`.`players` WHERE `club` IS NULL

-- # Count Ne
SELECT COUNT(*) FROM `league`.`players` WHERE `name` <> ?
-- x

-- # Count Ne nil
SELECT COUNT(*) FROM `league`.`players` WHERE `club` IS NOT NULL

-- # Count Lt and Ge
SELECT COUNT(*) FROM `league`.`players` WHERE (`born` < ? AND `born` >= ?)
-- 1961-06-21 00:00:00 +0000 UTC | 0001-01-01 00:00:00

-- # Count Le or Gt
SELECT COUNT(*) FROM `league`.`players` WHERE (`worth` <= CAST(? AS DECIMAL(19, 4)) OR `worth` > CAST(? AS DECIMAL(19, 4)))
-- 1.5000 | 2.0000

-- # Count In
SELECT COUNT(*) FROM `league`.`players` WHERE `id` IN (?, ?, ?, ?)
-- 1 | 2 | 3 | 3

-- # Count In none
SELECT COUNT(*) FROM `league`.`players` WHERE 1 = 0

-- # Count Not In
SELECT COUNT(*) FROM `league`.`players` WHERE `club` NOT IN (?)
-- 1

-- # Count Prefix
SELECT COUNT(*) FROM `league`.`players` WHERE (`name` LIKE ? ESCAPE '|' OR `name` BETWEEN ? AND ? AND CONCAT(`name`) LIKE ? ESCAPE '|')
-- 50|%|_||\% | 50%_|\ and 54 of "\x00" | 50%_|\ and 54 of "\U0010ffff" | 50|%|_||\%

-- # Count Not
SELECT COUNT(*) FROM `league`.`players` WHERE ((`active` = 0 OR `active` IS NULL) OR (`name` NOT LIKE ? ESCAPE '|' OR `name` IS NULL))
-- x%

-- # Count AllOf none, AnyOf none
SELECT COUNT(*) FROM `league`.`players` WHERE (1 = 1 OR 1 = 0)

-- # Count Eq of bytes
SELECT COUNT(*) FROM `league`.`players` WHERE `face` = ?
-- [1]

-- # Count Not In of bytes
SELECT COUNT(*) FROM `league`.`players` WHERE (`face` NOT IN (?, ?) OR `face` IS NULL)
-- [1] | [2]

-- # Count Native
SELECT COUNT(*) FROM `league`.`players` WHERE ((name LIKE ? -- so
) AND `id` > ?)
-- x% | 1

-- # Page, the first
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE `active` <> 0 ORDER BY `club`, `name` DESC, `id` LIMIT ?
-- 3

-- # Page, the next
SELECT `id`, `version`, `name`, `club`, `worth`, `born`, `active`, `marks`, `face`, `order` FROM `league`.`players` WHERE (`active` <> 0 AND (`club` IS NOT NULL OR (`club` IS NULL AND ((`name` < ? OR `name` IS NULL) OR (`name` = ? AND `id` > ?))))) ORDER BY `club`, `name` DESC, `id` LIMIT ?
-- Lineker | Lineker | 7 | 3

-- # First
SELECT `season`, `day`, `version`, `goals` FROM `matches` WHERE `season` = ? ORDER BY `goals` DESC, `season`, `day` LIMIT ?
-- 1985/86 | 1

