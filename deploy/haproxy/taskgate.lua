-- Asks taskgate about a request. Sets txn.taskgate_status (the status, as text) and, if it is 200, the identity headers
-- that the application gets. A status that is not set is no allow: haproxy.cfg answers 503.

local QUESTIONS = "abns@taskgate_questions"
local URL = "http://taskgate/forward-auth"
-- A little more than the time-out of the backend, which ends it first.
local TIMEOUT_MS = 4000

local IDENTITY = {
	taskgate_principal_kind = "x-taskgate-principal-kind",
	taskgate_principal_id = "x-taskgate-principal-id",
	taskgate_account_id = "x-taskgate-account-id",
	taskgate_task_id = "x-taskgate-task-id",
}

-- Of this connection and of a body, which is not sent.
local NOT_SENT = {
	["connection"] = true,
	["content-length"] = true,
	["expect"] = true,
	["host"] = true,
	["keep-alive"] = true,
	["te"] = true,
	["trailer"] = true,
	["transfer-encoding"] = true,
	["upgrade"] = true,
}

-- HAProxy counts the values of a header from 0, its HTTP client from 1.
local function to_list(values)
	local list = {}
	for at = 0, #values do
		list[#list + 1] = values[at]
	end
	return list
end

core.register_action("taskgate", { "http-req" }, function(txn)
	local headers = {}
	for name, values in pairs(txn.http:req_get_headers()) do
		if not NOT_SENT[name] then
			headers[name] = to_list(values)
		end
	end
	headers["x-forwarded-method"] = { txn.sf:method() }
	headers["x-forwarded-uri"] = { txn.sf:pathq() }

	local answer = core.httpclient():get({ url = URL, dst = QUESTIONS, headers = headers, timeout = TIMEOUT_MS })
	if not answer or not answer.status then
		return
	end
	if answer.status == 200 then
		for variable, name in pairs(IDENTITY) do
			local values = answer.headers[name]
			-- An allow without one of them is not taskgate's.
			if not values then
				return
			end
			txn:set_var("txn." .. variable, values[0] or "")
		end
	end
	txn:set_var("txn.taskgate_status", tostring(answer.status))
end)
