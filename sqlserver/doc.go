// Package sqlserver keeps entities in SQL Server.
package sqlserver
