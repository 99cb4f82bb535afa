package mysql

// harmless are the session variables that no guarantee depends on, each group with why. TestSessionVariables fails
// where a server has one that is neither here nor set by Open nor refused by New. Names of other versions than
// those of the tests stand here too.
var harmless = []struct{ why, names string }{
	{
		"how a statement is run, and not what it gives",
		"analyze_max_length analyze_sample_percentage aria_stats_method big_tables bulk_insert_buffer_size " +
			"connection_memory_chunk_size deadlock_search_depth_long deadlock_search_depth_short " +
			"deadlock_timeout_long deadlock_timeout_short enable_secondary_engine_statistics " +
			"eq_range_index_dive_limit expensive_subquery_limit global_connection_memory_tracking " +
			"histogram_generation_max_mem_size histogram_size histogram_type in_predicate_conversion_threshold " +
			"information_schema_stats_expiry innodb_parallel_read_threads internal_tmp_mem_storage_engine " +
			"join_buffer_size join_buffer_space_limit join_cache_level low_priority_updates max_delayed_threads " +
			"max_heap_table_size max_insert_delayed_threads max_length_for_sort_data max_rowid_filter_size " +
			"max_seeks_for_key max_tmp_tables min_examined_row_limit mrr_buffer_size myisam_stats_method " +
			"net_buffer_length optimizer_adjust_secondary_key_costs optimizer_extra_pruning_depth " +
			"optimizer_join_limit_pref_ratio optimizer_max_sel_arg_weight optimizer_max_sel_args " +
			"optimizer_max_subgraph_pairs optimizer_prune_level optimizer_search_depth " +
			"optimizer_selectivity_sampling_limit optimizer_switch optimizer_use_condition_selectivity " +
			"preload_buffer_size query_alloc_block_size query_cache_strip_comments query_cache_type " +
			"query_cache_wlock_invalidate query_prealloc_size range_alloc_block_size read_buffer_size " +
			"read_rnd_buffer_size rowid_merge_buff_size secondary_engine_cost_threshold " +
			"set_operations_buffer_size sort_buffer_size sql_buffer_result tcp_nodelay thread_pool_priority " +
			"tmp_disk_table_size tmp_memory_table_size tmp_table_size transaction_alloc_block_size " +
			"transaction_allow_batching transaction_prealloc_size use_stat_tables windowing_use_high_precision",
	},
	{
		"a statement that meets the bound ends with an error that docs/ERRORS.md has",
		"binlog_format connection_memory_limit cte_max_recursion_depth idle_readonly_transaction_timeout " +
			"idle_transaction_timeout idle_write_transaction_timeout innodb_snapshot_isolation " +
			"interactive_timeout max_allowed_packet max_execution_time max_join_size max_points_in_geometry " +
			"max_recursive_iterations max_session_mem_used max_sp_recursion_depth max_statement_time " +
			"max_user_connections net_read_timeout net_retry_count net_write_timeout parser_max_mem_size " +
			"range_optimizer_max_mem_size require_row_format sql_big_selects sql_require_primary_key " +
			"wait_timeout",
	},
	{
		"what a statement of DDL makes; EnsureSchema states engine, character set and collation, and " +
			"CheckSchema compares what is there",
		"alter_algorithm aria_repair_threads aria_sort_buffer_size character_set_database " +
			"character_set_filesystem character_set_server collation_database collation_server " +
			"column_compression_threshold column_compression_zlib_level column_compression_zlib_strategy " +
			"column_compression_zlib_wrap default_collation_for_utf8mb4 default_storage_engine " +
			"default_table_encryption default_tmp_storage_engine enforce_storage_engine " +
			"explicit_defaults_for_timestamp external_table_secondary_storage_engine " +
			"external_table_storage_engine innodb_compression_default innodb_ddl_buffer_size innodb_ddl_threads " +
			"innodb_default_encryption_key_id innodb_ft_enable_stopword innodb_ft_user_stopword_table " +
			"innodb_strict_mode innodb_tmpdir keep_files_on_create myisam_repair_threads " +
			"myisam_sort_buffer_size old old_alter_table print_identified_with_as_hex " +
			"restrict_fk_on_non_standard_key show_create_table_skip_secondary_engine " +
			"show_create_table_verbosity show_gipk_in_create_table_and_information_schema " +
			"sql_generate_invisible_primary_key sql_if_exists sql_quote_show_create storage_engine " +
			"system_versioning_alter_history wsrep_osu_method",
	},
	{
		"no statement of the library uses it: a native condition may, and is its author's",
		"auto_increment_offset block_encryption_mode default_master_connection default_regex_flags " +
			"default_week_format div_precision_increment enable_cascade_triggers " +
			"generated_random_password_length group_concat_max_len identity innodb_table_locks last_insert_id " +
			"lc_time_names max_relay_log_size old_mode old_passwords rand_seed1 rand_seed2 " +
			"select_into_buffer_size select_into_disk_sync select_into_disk_sync_delay sql_slave_skip_counter " +
			"standard_compliant_cte system_versioning_insert_history timestamp updatable_views_with_limit " +
			"xa_detach_on_prepare",
	},
	{
		"what the server says beside its answers; the client reads the rows and the number of rows alone, and " +
			"names are read from messages in every language",
		"end_markers_in_json error_count explain_format explain_json_format_version external_user " +
			"gtid_owned in_transaction last_gtid lc_messages log_disabled_statements " +
			"log_queries_not_using_indexes log_slow_admin_statements log_slow_disabled_statements " +
			"log_slow_filter log_slow_max_warnings log_slow_min_examined_row_limit log_slow_query " +
			"log_slow_query_time log_slow_rate_limit log_slow_slave_statements log_slow_verbosity log_warnings " +
			"long_query_time note_verbosity optimizer_trace optimizer_trace_features optimizer_trace_limit " +
			"optimizer_trace_max_mem_size optimizer_trace_offset profiling profiling_history_size " +
			"progress_report_time proxy_user resultset_metadata session_track_gtids session_track_schema " +
			"session_track_state_change session_track_system_variables session_track_transaction_info " +
			"slow_query_log sql_log_off sql_warnings statement_id terminology_use_previous warning_count",
	},
	{
		"how a write gets to the replicas, and not whether; or it needs a privilege, and is for replaying a " +
			"log",
		"binlog_alter_two_phase binlog_annotate_row_events binlog_direct_non_transactional_updates " +
			"binlog_row_image binlog_row_value_options binlog_rows_query_log_events " +
			"binlog_transaction_compression binlog_transaction_compression_level_zstd " +
			"group_replication_consistency gtid_domain_id immediate_server_version original_commit_timestamp " +
			"original_server_version pseudo_thread_id rbr_exec_mode server_id skip_parallel_replication " +
			"wsrep_gtid_seq_no wsrep_retry_autocommit wsrep_trx_fragment_size wsrep_trx_fragment_unit",
	},
	{
		"asked with each InsertMany that needs it, on its own connection",
		"auto_increment_increment",
	},
	{
		"without it a node of a Galera cluster may be behind the others: set wsrep_sync_wait=1 in the DSN for " +
			"reads that are fresh on every node. Writes are safe in either case, by the version",
		"wsrep_causal_reads wsrep_sync_wait",
	},
}
